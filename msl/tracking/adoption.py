"""The run that MLFLOW_RUN_ID names: it is taken over only if `mlflow run` has made it for this command.

MLflow sets that variable for every command of a project, and what such a command starts inherits it. So it may name a
run in which another program records, one that another stage has taken, or one that has ended long ago. Nothing is
written into these.
"""

import logging
import os
import sys
from contextlib import suppress
from enum import Enum
from pathlib import Path
from urllib.parse import urlsplit

from mlflow.entities import Run, RunTag
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient
from mlflow.utils.mlflow_tags import (
    MLFLOW_GIT_COMMIT,
    MLFLOW_PARENT_RUN_ID,
    MLFLOW_PROJECT_ENTRY_POINT,
    MLFLOW_RUN_NAME,
    MLFLOW_SOURCE_NAME,
    MLFLOW_SOURCE_TYPE,
)

from msl import schema
from msl.console import reason
from msl.tracking.code_state import CodeState
from msl.tracking.status import MESSAGE_LIMIT

_PROJECT = "PROJECT"
_ENTRY_POINTS = "entrypoints"  # package with a module for each entry point of this project
_MAIN = {"main": "adapt"}  # MLflow's default entry point, and the module that it runs

log = logging.getLogger("msl")


class Use(Enum):
    """What becomes of the run that MLFLOW_RUN_ID names."""

    TAKEN = "taken"  # it is this command's
    PARENT = "parent"  # it is in progress and somebody else's: a new run is nested below it
    LEFT = "left"  # it has ended, is deleted or does not exist


def use_of(client: MlflowClient, run_id: str) -> Use:
    """What becomes of a run, after a look at it; says in the log why it is not taken.

    Args:
        client: of the tracking store.
        run_id: that MLFLOW_RUN_ID names.
    """
    try:
        run = client.get_run(run_id)
        is_deleted = client.get_experiment(run.info.experiment_id).lifecycle_stage != "active"
    except MlflowException as error:
        if error.get_http_status_code() not in (400, 404):
            raise
        log.warning("MLFLOW_RUN_ID = %s is left alone: %s A new run is made.", run_id, reason(error))
        return Use.LEFT
    if is_deleted or run.info.lifecycle_stage != "active":
        log.warning("MLFLOW_RUN_ID = %s is deleted, or its experiment is. A new run is made.", run_id)
        return Use.LEFT
    if run.info.status not in (schema.RUNNING, "SCHEDULED"):
        log.warning("MLFLOW_RUN_ID = %s has ended (%s) and is left alone. A new run is made.", run_id, run.info.status)
        return Use.LEFT
    if is_untouched(run) and _is_for_this_command(run.data.tags):
        return Use.TAKEN
    log.warning("MLFLOW_RUN_ID = %s is the run of another program. A new run is made below it.", run_id)
    return Use.PARENT


def take_named(client: MlflowClient) -> tuple[Use, str]:
    """What becomes of the run that MLFLOW_RUN_ID names, and its ID; the variable is unset: it is for one run only."""
    run_id = os.environ.pop(schema.MLFLOW_RUN, "")
    return (use_of(client, run_id), run_id) if run_id else (Use.LEFT, "")


def fold(client: MlflowClient, run: Run) -> None:
    """Nest the run that `mlflow run -P resume=ID` makes for itself below the resumed run, as a note of the command.

    It stays empty. It cannot be deleted, because `mlflow run` ends it after the command, and fails if it is missing.
    """
    if os.environ.get(schema.MLFLOW_RUN) == run.info.run_id:
        del os.environ[schema.MLFLOW_RUN]
    use, wrapper = take_named(client)
    if use is Use.TAKEN:
        tags = {MLFLOW_PARENT_RUN_ID: run.info.run_id, MLFLOW_RUN_NAME: f"resume of {run.info.run_name}"}
        client.log_batch(wrapper, tags=[RunTag(key, value) for key, value in tags.items()])


def note_failure(message: str) -> None:
    """Write into the run that `mlflow run` has made why the command ended before it used that run."""
    with suppress(MlflowException, OSError):
        client = MlflowClient()
        use, run_id = take_named(client)
        if use is Use.TAKEN:
            client.set_tag(run_id, schema.ERROR, message[:MESSAGE_LIMIT])


def is_untouched(run: Run) -> bool:
    """Whether nothing has been recorded in a run but what `mlflow run` itself writes."""
    is_started = run.data.tags.get(MLFLOW_SOURCE_TYPE, _PROJECT) != _PROJECT  # by a script or a notebook
    return not is_started and schema.STAGE not in run.data.tags and not run.data.metrics


def _is_for_this_command(tags: dict[str, str]) -> bool:
    """Whether a project's run is of this project and of this command; a run without a source is by `create_run`."""
    kind = tags.get(MLFLOW_SOURCE_TYPE)
    if kind is None:
        return True
    module = Path(sys.argv[0])
    entry_point = tags.get(MLFLOW_PROJECT_ENTRY_POINT, "")
    is_this_module = module.parent.name == _ENTRY_POINTS and module.stem == _MAIN.get(entry_point, entry_point)
    return kind == _PROJECT and is_this_module and _is_this_project(tags, module.absolute().parents[1])


def _is_this_project(tags: dict[str, str], project: Path) -> bool:
    source, _, folder = tags.get(MLFLOW_SOURCE_NAME, "").removeprefix("file://").partition("#")
    if source and not urlsplit(source).scheme and "@" not in source:
        return (Path(source) / folder).resolve() == project.resolve()
    commit = tags.get(MLFLOW_GIT_COMMIT)
    return not commit or CodeState.now().commit in ("", commit)
