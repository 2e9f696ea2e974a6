"""The status of a run on the tracking server, and what was said of its end."""

from collections.abc import Mapping

from mlflow.entities import Run, RunTag
from mlflow.tracking import MlflowClient

from msl import schema


def go_on(client: MlflowClient, run_id: str) -> None:
    """The run goes on: what was said of an earlier end goes."""
    _forget_end(client, client.get_run(run_id))
    client.update_run(run_id, status=schema.RUNNING)


def close(client: MlflowClient, run_id: str, tags: Mapping[str, str], end_ms: int | None = None) -> None:
    """The run has ended as its last tags say; a reason goes that somebody gave who took it for dead."""
    run = client.get_run(run_id)
    if schema.ERROR in run.data.tags and schema.ERROR not in tags:
        _forget_end(client, run)
    client.log_batch(run_id, tags=[RunTag(key, value) for key, value in tags.items()])
    client.set_terminated(run_id, tags[schema.STATUS], end_ms)


def _forget_end(client: MlflowClient, run: Run) -> None:
    for name in (schema.ERROR, schema.STATUS):
        if name in run.data.tags:
            client.delete_tag(run.info.run_id, name)
