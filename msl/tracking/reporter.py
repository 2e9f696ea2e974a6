"""What a run records, on its way to MLflow."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from mlflow.tracking import MlflowClient

from msl import schema
from msl.tracking.direct import Direct
from msl.tracking.record import RunRecord


class Way(Protocol):
    """A way to the tracking server: `Direct`, or by a journal on this machine."""

    def rows(self, values: Mapping[str, float], step: int) -> None:
        """Record scalars of one step."""

    def tags(self, values: Mapping[str, str]) -> None:
        """Set tags."""

    def file(self, path: Path, folder: str) -> None:
        """Copy a file, as it is now, into a folder of the run's artifacts."""

    def text(self, content: str, name: str) -> None:
        """Write a text as an artifact."""

    def flush(self) -> None:
        """Return when everything recorded so far is safe."""

    def mark(self) -> str:
        """The present end of the record."""

    def secure(self, mark: str) -> None:
        """A checkpoint with this mark is on the disk."""

    def beat(self) -> None:
        """Show that the run is alive."""

    def end(self, tags: Mapping[str, str]) -> None:
        """End the run as its last tags say; `msl.status` is one of them."""


class MlflowReporter:
    """Records the metrics, tags and files of a run. It has the methods of `msl.training.Reporter`."""

    def __init__(self, client: MlflowClient, run_id: str, attempt: int = 1, is_started_by_mlflow: bool = False) -> None:
        self.client, self.run_id, self.attempt = client, run_id, attempt
        self.is_started_by_mlflow = is_started_by_mlflow  # by `mlflow run`, for this run
        self.ended = False
        self._way: Way = Direct(client, run_id)

    def take(self, way: Way) -> None:
        """Take another way from now on; nothing waits on the present one afterwards."""
        self._way.flush()
        self._way = way

    def metrics(self, values: Mapping[str, float], step: int) -> None:
        """Record scalars of one step."""
        self._way.rows(values, step)

    def flush(self) -> None:
        """Return when everything recorded so far is safe: on the server, or on this machine's disk."""
        self._way.flush()

    def mark(self) -> str:
        """The present end of the record."""
        return self._way.mark()

    def secure(self, mark: str) -> None:
        """Say that a checkpoint with this mark is safe on the disk."""
        self._way.secure(mark)

    def file(self, path: Path, folder: str) -> None:
        """Copy a file into a folder of the run's artifacts.

        Raises:
            TrackingError: the artifact store cannot be written.
        """
        self._way.file(path, folder)

    def text(self, content: str, name: str) -> None:
        """Write a text as an artifact; raises as `file` does."""
        self._way.text(content, name)

    def record(self, record: RunRecord) -> None:
        """Write ``config.json``: what people and a resume need to know about the run."""
        self.text(json.dumps(record.to_json(), indent=2), schema.CONFIG_FILE)

    def rename(self, name: str) -> None:
        """Name the run in MLflow's tables."""
        self.client.update_run(self.run_id, name=name)

    def tags(self, values: Mapping[str, str]) -> None:
        """Set tags."""
        self._way.tags(values)

    def beat(self) -> None:
        """Show that the run is alive."""
        self._way.beat()

    def end(self, status: str, error: str = "") -> None:
        """End the run, once: FINISHED, or FAILED or KILLED by an error."""
        if self.ended:
            return
        self.ended = True  # at once: another thread ends the run if this one hangs
        try:
            self._way.end({schema.STATUS: status} | ({schema.ERROR: error} if error else {}))
        except BaseException:
            self.ended = False
            raise
