"""Finished runs as a source of expectations: which run would serve again, and how long an iteration took."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from mlflow.entities import Run
from mlflow.exceptions import MlflowException

from msl import schema
from msl.errors import TrackingError
from msl.tracking.connection import Client, connect, missing_store

_RUNS_READ = 100  # the newest of a stage


class Speed(NamedTuple):
    """How fast a run was."""

    run_id: str
    step_s: float  # seconds an iteration, over the last interval that was logged


class History:
    """The finished runs of a store; of none, if there is no store or it does not answer."""

    def __init__(self, client: Client | None) -> None:
        self._client = client

    @classmethod
    def of_store(cls) -> "History":
        """The runs of the store that MLflow's settings name. A store that does not exist is not made."""
        if missing_store() is not None:
            return cls(None)
        try:
            return cls(connect())
        except TrackingError:
            return cls(None)

    def newest(self, stage: str, settings: Mapping[str, object], source: str) -> str | None:
        """ID of the newest run of a stage with these settings and a source of that name."""
        for run in self._runs(stage, settings):
            if run.data.tags.get(schema.DATA_SOURCE, "").startswith(f"{source}/"):
                return str(run.info.run_id)
        return None

    def speed(self, stage: str, settings: Mapping[str, object]) -> Speed | None:
        """The speed of the newest run of a stage with these settings that logged one."""
        for run in self._runs(stage, settings):
            if schema.STEP_S in run.data.metrics:
                return Speed(str(run.info.run_id), float(run.data.metrics[schema.STEP_S]))
        return None

    def _runs(self, stage: str, settings: Mapping[str, object]) -> Iterator[Run]:
        """The runs of a stage with these settings, the newest first."""
        if self._client is None:
            return
        query = f"tags.`{schema.STAGE}` = '{stage}' and attributes.status = 'FINISHED'"
        try:
            experiments = [experiment.experiment_id for experiment in self._client.search_experiments()]
            runs = self._client.search_runs(
                experiments, query, order_by=["attributes.end_time DESC"], max_results=_RUNS_READ
            )
        except MlflowException:
            return
        wanted = {schema.param(name): str(value) for name, value in settings.items()}
        yield from (run for run in runs if wanted.items() <= run.data.params.items())
