"""The status of a run on the tracking server, and what was said of its end."""

from collections.abc import Mapping

from mlflow.entities import Run, RunTag
from mlflow.tracking import MlflowClient

from msl import schema

MESSAGE_LIMIT = 5000  # characters of msl.error; MLflow cuts longer tags than 8 000 without a warning


def go_on(client: MlflowClient, run_id: str) -> None:
    """The run goes on: what was said of an earlier end goes.

    A run that is in progress already is left alone: whoever slept in here may find it ended by somebody else.
    """
    run = client.get_run(run_id)
    _forget_end(client, run)
    if run.info.status != schema.RUNNING:
        client.update_run(run_id, status=schema.RUNNING)


def close(client: MlflowClient, run_id: str, tags: Mapping[str, str], end_ms: int | None = None) -> None:
    """The run has ended as its last tags say; a reason goes that somebody gave who took it for dead."""
    run = client.get_run(run_id)
    if schema.ERROR in run.data.tags and schema.ERROR not in tags:
        _forget_end(client, run)
    client.log_batch(run_id, tags=[RunTag(key, value) for key, value in tags.items()])
    client.set_terminated(run_id, tags[schema.STATUS], end_ms)


def mark_failed(client: MlflowClient, run_id: str, reason: str) -> bool:
    """Mark a run FAILED whose process has said nothing of its end; says whether it was marked.

    `mlflow run` may have ended it, which knows no reason.
    """
    run = client.get_run(run_id)
    is_told = run.info.status != schema.RUNNING and schema.STATUS in run.data.tags
    if is_told or run.info.lifecycle_stage != "active":
        return False
    close(client, run_id, {schema.ERROR: reason, schema.STATUS: schema.FAILED})
    return True


def way_on(run_id: str, is_resumable: bool) -> str:
    """What a person does with a run that ended early: one that trains is resumed; all else is started again."""
    return f"The run can be continued: -P resume={run_id}" if is_resumable else "The same command starts it again"


def _forget_end(client: MlflowClient, run: Run) -> None:
    for name in (schema.ERROR, schema.STATUS):
        if name in run.data.tags:
            client.delete_tag(run.info.run_id, name)
