"""What a run records, on its way to MLflow."""

import json
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

from mlflow.entities import RunInfo
from mlflow.tracking import MlflowClient

from msl import schema
from msl.tracking.description import INPUTS, NAME, PARAMS, DataInput, as_json
from msl.tracking.direct import Direct
from msl.tracking.record import RunRecord


class Way(Protocol):
    """A way to the tracking server: `Direct`, or by a journal on this machine."""

    def rows(self, values: Mapping[str, float], step: int) -> None:
        """Record scalars of one step."""

    def tags(self, values: Mapping[str, str]) -> None:
        """Set tags."""

    def describe(self, kind: str, values: Any) -> None:
        """Set a part of the run's description: arguments of `log_description`."""

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
        self.way: Way = Direct(client, run_id)

    @cached_property
    def info(self) -> RunInfo:
        """MLflow's own description of the run, as it was when it was first looked at."""
        return self.client.get_run(self.run_id).info

    def take(self, way: Way) -> None:
        """Take another way from now on; nothing waits on the present one afterwards."""
        self.way.flush()
        self.way = way

    def metrics(self, values: Mapping[str, float], step: int) -> None:
        """Record scalars of one step."""
        self.way.rows(values, step)

    def flush(self) -> None:
        """Return when everything recorded so far is safe: on the server, or on this machine's disk."""
        self.way.flush()

    def mark(self) -> str:
        """The present end of the record."""
        return self.way.mark()

    def secure(self, mark: str) -> None:
        """Say that a checkpoint with this mark is safe on the disk."""
        self.way.secure(mark)

    def file(self, path: Path, folder: str) -> None:
        """Copy a file into a folder of the run's artifacts.

        Raises:
            TrackingError: the artifact store cannot be written.
        """
        self.way.file(path, folder)

    def text(self, content: str, name: str) -> None:
        """Write a text as an artifact; raises as `file` does."""
        self.way.text(content, name)

    def record(self, record: RunRecord) -> None:
        """Write ``config.json``: what people and a resume need to know about the run."""
        self.text(json.dumps(record.to_json(), indent=2), schema.CONFIG_FILE)

    def rename(self, name: str) -> None:
        """Name the run in MLflow's tables."""
        self.way.describe(NAME, name)

    def params(self, values: Mapping[str, str]) -> None:
        """Set parameters, which never change."""
        self.way.describe(PARAMS, dict(values))

    def inputs(self, inputs: Sequence[DataInput]) -> None:
        """Record the domains that the run reads."""
        self.way.describe(INPUTS, as_json(inputs))

    def tags(self, values: Mapping[str, str]) -> None:
        """Set tags."""
        self.way.tags(values)

    def beat(self) -> None:
        """Show that the run is alive."""
        self.way.beat()

    def end(self, status: str, error: str = "") -> None:
        """End the run, once: FINISHED, or FAILED or KILLED by an error."""
        if self.ended:
            return
        self.ended = True  # at once: another thread ends the run if this one hangs
        try:
            self.way.end({schema.STATUS: status} | ({schema.ERROR: error} if error else {}))
        except BaseException:
            self.ended = False
            raise
