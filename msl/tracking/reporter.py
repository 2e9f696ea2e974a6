"""Sends a run's metrics and files to MLflow."""

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

_BATCH_LIMIT = 1000  # metrics: MLflow's limit
_FLUSH_AFTER_S = 5.0  # so that curves grow while somebody watches them
_HEARTBEAT_EVERY_S = 30.0


class MlflowReporter:
    """Collects metrics and sends them in batches: one row at a time would be fifty times slower.

    It has the methods of `msl.training.Reporter`.
    """

    def __init__(self, client: MlflowClient, run_id: str, attempt: int = 1) -> None:
        self.client, self.run_id, self.attempt = client, run_id, attempt
        self._waiting: list[Metric] = []
        self._sent_at = self._beat_at = time.monotonic()

    def metrics(self, values: Mapping[str, float], step: int) -> None:
        """Record scalars of one step."""
        now_ms = int(time.time() * 1000)
        self._waiting += [Metric(name, float(value), now_ms, step) for name, value in values.items()]
        if len(self._waiting) >= _BATCH_LIMIT or time.monotonic() - self._sent_at > _FLUSH_AFTER_S:
            self.flush()

    def flush(self) -> None:
        """Send the collected metrics, and a heartbeat if one is due."""
        while self._waiting:
            batch = self._waiting[:_BATCH_LIMIT]
            self.client.log_batch(self.run_id, metrics=batch)
            del self._waiting[: len(batch)]  # only now: a batch that cannot be sent stays
        self._sent_at = time.monotonic()
        if self._sent_at - self._beat_at > _HEARTBEAT_EVERY_S:
            self.tags({schema.HEARTBEAT: utc_now()})
            self._beat_at = self._sent_at

    def mark(self) -> str:
        """Empty: this reporter keeps no record of its own to continue."""
        return ""

    def secure(self, mark: str) -> None:
        """Nothing waits for a checkpoint."""

    def file(self, path: Path, folder: str) -> None:
        """Upload a file into a folder of the run's artifacts.

        Raises:
            TrackingError: the artifact store cannot be written.
        """
        with self._plain_errors():
            self.client.log_artifact(self.run_id, str(path), folder)

    def text(self, content: str, name: str) -> None:
        """Upload a text as an artifact; raises as `file` does."""
        with self._plain_errors():
            self.client.log_text(self.run_id, content, name)

    @contextmanager
    def _plain_errors(self) -> Iterator[None]:
        try:
            yield
        except (MlflowException, OSError) as error:
            address = self.client.get_run(self.run_id).info.artifact_uri
            raise TrackingError(f"artifacts of the run cannot be written to {address}: {error}") from error

    def record(self, record: RunRecord) -> None:
        """Write ``config.json``: what people and a resume need to know about the run."""
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
