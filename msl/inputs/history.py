"""Finished runs as a source of expectations: which run would serve again, and how long an iteration took."""

import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from functools import cache, partial
from pathlib import Path
from typing import NamedTuple

from msl import schema

_RUNS_READ = 100  # the newest of a stage
_SQLITE = "sqlite:///"
_DEFAULT_STORE = "sqlite:///mlflow.db"  # MLflow's own, if MLFLOW_TRACKING_URI is not set
_NEWEST = """
SELECT runs.run_uuid FROM runs
JOIN experiments ON experiments.experiment_id = runs.experiment_id
JOIN tags ON tags.run_uuid = runs.run_uuid AND tags.key = ? AND tags.value = ?
WHERE runs.status = ? AND runs.lifecycle_stage = 'active' AND experiments.lifecycle_stage = 'active'
ORDER BY runs.end_time DESC LIMIT ?
"""


class PastRun(NamedTuple):
    """A finished run."""

    run_id: str
    tags: Mapping[str, str]
    params: Mapping[str, str]
    metrics: Mapping[str, float]  # the newest values


class Speed(NamedTuple):
    """How fast a run was."""

    run_id: str
    step_s: float  # seconds an iteration, over the last interval that was logged


class History:
    """The finished runs of a store; of none, if there is no store or it does not answer."""

    def __init__(self, finished_runs: Callable[[str], Iterable[PastRun]]) -> None:
        """`finished_runs` gives those of a stage, the newest first."""
        self._finished_runs = finished_runs

    @classmethod
    def of_store(cls) -> "History":
        """The runs of the store that MLflow's settings name. A store that does not exist is not made."""
        uri = os.environ.get("MLFLOW_TRACKING_URI") or _DEFAULT_STORE
        if uri.startswith(_SQLITE):  # without MLflow, whose import takes longer than all the rest of a dry run
            return cls(partial(_of_database, Path(uri.removeprefix(_SQLITE))))
        from msl.tracking import finished_runs  # it loads MLflow

        return cls(lambda stage: (PastRun(*run) for run in finished_runs(stage, _RUNS_READ)))

    def remembered(self) -> "History":
        """The same, but the store is asked once for each stage."""
        return History(cache(lambda stage: list(self._finished_runs(stage))))

    def newest(self, stage: str, settings: Mapping[str, object], source: str) -> str | None:
        """ID of the newest run of a stage with these settings and a source of that name."""
        for run in self._runs(stage, settings):
            if run.tags.get(schema.DATA_SOURCE, "").startswith(f"{source}/"):
                return run.run_id
        return None

    def speed(self, stage: str, settings: Mapping[str, object]) -> Speed | None:
        """The speed of the newest run of a stage with these settings that logged one."""
        for run in self._runs(stage, settings):
            if schema.STEP_S in run.metrics:
                return Speed(run.run_id, run.metrics[schema.STEP_S])
        return None

    def _runs(self, stage: str, settings: Mapping[str, object]) -> Iterator[PastRun]:
        """The runs of a stage with these settings, the newest first."""
        wanted = {schema.param(name): str(value) for name, value in settings.items()}
        yield from (run for run in self._finished_runs(stage) if wanted.items() <= run.params.items())


def _of_database(file: Path, stage: str) -> list[PastRun]:
    """The finished runs of a stage in MLflow's own tables, the newest first; none, if they cannot be read."""
    if not file.is_file():
        return []
    try:
        with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)) as database:
            wanted = (schema.STAGE, stage, schema.FINISHED, _RUNS_READ)
            return [_run(database, run_id) for (run_id,) in database.execute(_NEWEST, wanted)]
    except sqlite3.Error:
        return []


def _run(database: sqlite3.Connection, run_id: str) -> PastRun:
    tags, params, metrics = (
        dict(database.execute(f"SELECT key, value FROM {table} WHERE run_uuid = ?", (run_id,)))
        for table in ("tags", "params", "latest_metrics")
    )
    return PastRun(run_id, tags, params, metrics)
