"""Run stores written through MLflow itself, so that analysis is tested against what MLflow really stores."""

from collections.abc import Callable

import pytest
from mlflow.entities import Metric, Param, RunTag
from mlflow.tracking import MlflowClient

from msl import schema


@pytest.fixture
def add_run(store: str) -> Callable[..., str]:
    """A finished run of a group, with metrics as {name: value} or {name: [(step, value, milliseconds)]}."""
    client = MlflowClient()

    def add(
        group="g", seed=0, metrics=None, status="FINISHED", experiment="exp", stage="adapt", start=1000, **params
    ) -> str:
        existing = client.get_experiment_by_name(experiment)
        experiment_id = existing.experiment_id if existing else client.create_experiment(experiment)
        run_id = client.create_run(experiment_id, start_time=start, run_name=f"{group} {seed}").info.run_id
        rows = []
        for name, values in (metrics or {}).items():
            points = values if isinstance(values, list) else [(0, values, start)]
            rows += [Metric(name, value, time, step) for step, value, time in points]
        client.log_batch(
            run_id,
            metrics=rows,
            params=[Param(schema.param(name), str(value)) for name, value in {"seed": seed, **params}.items()],
            tags=[RunTag(schema.GROUP, group), RunTag(schema.STAGE, stage), RunTag(schema.CODE_COMMIT, "c" * 40)],
        )
        client.set_terminated(run_id, status, end_time=start + 500)
        return run_id

    return add
