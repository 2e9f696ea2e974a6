"""A run's metrics and files on their way to MLflow."""

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from mlflow.entities import Metric, RunTag
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

from msl import schema
from msl.errors import TrackingError
from msl.tracking.record import RunRecord

_FULL = 1000  # metrics in a batch: MLflow's limit
_EAGER = 5.0  # seconds after which what has gathered is sent, so that curves grow while one watches
_HEARTBEAT = 30.0  # seconds between signs of life


class MlflowReporter:
    """Gathers metrics and sends them in batches: one row at a time would be fifty times slower.

    Fits `msl.training.Reporter`.
    """

    def __init__(self, client: MlflowClient, run_id: str, attempt: int = 1) -> None:
        self.client, self.run_id, self.attempt = client, run_id, attempt
        self._waiting: list[Metric] = []
        self._sent_at = self._beat_at = time.monotonic()

    def metrics(self, values: Mapping[str, float], step: int) -> None:
        """Record scalars of one step."""
        now = int(time.time() * 1000)
        self._waiting += [Metric(name, float(value), now, step) for name, value in values.items()]
        if len(self._waiting) >= _FULL or time.monotonic() - self._sent_at > _EAGER:
            self.flush()

    def flush(self) -> None:
        """Send what has gathered, and a sign of life if it is time."""
        while self._waiting:
            batch = self._waiting[:_FULL]
            self.client.log_batch(self.run_id, metrics=batch)
            del self._waiting[: len(batch)]  # only now: a batch that failed stays
        self._sent_at = time.monotonic()
        if self._sent_at - self._beat_at > _HEARTBEAT:
            self.tags({schema.HEARTBEAT: utc_now()})
            self._beat_at = self._sent_at

    def file(self, path: Path, folder: str) -> None:
        """Upload a file into a folder of the run's artifacts.

        Raises:
            TrackingError: the artifact store cannot be written.
        """
        with self._told_plainly():
            self.client.log_artifact(self.run_id, str(path), folder)

    def text(self, content: str, name: str) -> None:
        """Upload a text as an artifact; raises as `file` does."""
        with self._told_plainly():
            self.client.log_text(self.run_id, content, name)

    @contextmanager
    def _told_plainly(self) -> Iterator[None]:
        try:
            yield
        except (MlflowException, OSError) as error:
            place = self.client.get_run(self.run_id).info.artifact_uri
            raise TrackingError(f"artifacts of the run cannot be written to {place}: {error}") from error

    def record(self, record: RunRecord) -> None:
        """Write ``config.json``: what a resume and people need to know of the run."""
        self.text(json.dumps(record.to_json(), indent=2), schema.CONFIG_FILE)

    def rename(self, name: str) -> None:
        """Name the run in MLflow's tables."""
        self.client.update_run(self.run_id, name=name)

    def tags(self, values: Mapping[str, str]) -> None:
        """Set tags."""
        self.client.log_batch(self.run_id, tags=[RunTag(key, value) for key, value in values.items()])


def utc_now() -> str:
    """The time as ISO 8601, UTC, to the second."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
