"""The direct way to the tracking server: records are sent from this thread, and an error of the server is raised.

For short work, and for the beginning of a training, where an error that the user can correct should be told at once.
"""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mlflow.entities import Metric, RunTag
from mlflow.tracking import MlflowClient

from msl import schema
from msl.console import masked, reason
from msl.errors import TrackingError
from msl.tracking.description import log_description
from msl.tracking.lease import renew, this_process
from msl.tracking.status import close

BATCH_ROWS = 1000  # metrics in one request: MLflow's limit
_FLUSH_AFTER_S = 5.0  # so that curves grow while somebody watches them


class Direct:
    """Collects metrics and sends them in batches: one row at a time would be fifty times slower."""

    def __init__(self, client: MlflowClient, run_id: str) -> None:
        self._client, self._run_id = client, run_id
        self._waiting: list[Metric] = []
        self._sent_at = time.monotonic()

    def rows(self, values: Mapping[str, float], step: int) -> None:
        """Record scalars of one step."""
        now_ms = int(time.time() * 1000)
        self._waiting += [Metric(name, float(value), now_ms, step) for name, value in values.items()]
        if len(self._waiting) >= BATCH_ROWS or time.monotonic() - self._sent_at > _FLUSH_AFTER_S:
            self.flush()

    def flush(self) -> None:
        """Send the collected metrics."""
        while self._waiting:
            batch = self._waiting[:BATCH_ROWS]
            self._client.log_batch(self._run_id, metrics=batch)
            del self._waiting[: len(batch)]  # only now: a batch that cannot be sent stays
        self._sent_at = time.monotonic()

    def tags(self, values: Mapping[str, str]) -> None:
        """Set tags."""
        self._client.log_batch(self._run_id, tags=[RunTag(key, value) for key, value in values.items()])

    def describe(self, kind: str, values: Any) -> None:
        """Set a part of the run's description."""
        log_description(self._client, self._run_id, kind, values)

    def file(self, path: Path, folder: str) -> None:
        """Upload a file.

        Raises:
            TrackingError: the artifact store cannot be written.
        """
        with self._plain_errors():
            self._client.log_artifact(self._run_id, str(path), folder)

    def text(self, content: str, name: str) -> None:
        """Upload a text as an artifact; raises as `file` does."""
        with self._plain_errors():
            self._client.log_text(self._run_id, content, name)

    def mark(self) -> str:
        """Empty: there is no record on this machine."""
        return ""

    def secure(self, mark: str) -> None:
        """Nothing waits for a checkpoint."""

    def beat(self) -> None:
        """Show that the run is alive."""
        renew(self._client, self._run_id, this_process(), {schema.HEARTBEAT: utc_now()}, is_alive=False)

    def end(self, tags: Mapping[str, str]) -> None:
        """Send what waits, and the end of the run."""
        self.flush()
        close(self._client, self._run_id, tags)

    @contextmanager
    def _plain_errors(self) -> Iterator[None]:
        try:
            yield
        except Exception as error:  # each artifact store raises its own kind
            address = masked(self._client.get_run(self._run_id).info.artifact_uri)
            raise TrackingError(f"artifacts of the run cannot be written to {address}: {reason(error)}") from error


def utc_now() -> str:
    """The time as ISO 8601, UTC, to the second."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
