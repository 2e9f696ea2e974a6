"""The beginning of a run, and of each later start: it is opened, and described."""

import logging
import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any
from uuid import uuid4

from mlflow.entities import Run, RunTag
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient
from mlflow.utils.mlflow_tags import MLFLOW_PARENT_RUN_ID, MLFLOW_RUN_NAME, MLFLOW_RUN_NOTE

from msl import schema
from msl.console import reason
from msl.errors import TrackingError
from msl.tracking.adoption import Use, fold, take_named
from msl.tracking.code_state import CodeState, environment
from msl.tracking.connection import experiment_id
from msl.tracking.creation import create_once
from msl.tracking.description import DataInput
from msl.tracking.direct import utc_now
from msl.tracking.lease import new_lease, this_process
from msl.tracking.note import note_of
from msl.tracking.record import RunRecord
from msl.tracking.reporter import MlflowReporter
from msl.tracking.status import go_on

# What a resume may change.
_MACHINE_SETTINGS = ("max_iters", "device", "threads", "num_workers", "cache", "compile", "recompute", "profile")

log = logging.getLogger("msl")


def open_run(client: MlflowClient, name: str, tags: Mapping[str, str], nested_in: str | None = None) -> MlflowReporter:
    """A new run, or the one that `mlflow run` has made for this process; `adoption` says which one that is.

    A run of a study is nested in the study's parent run, which MSL_STUDY_PLACE names.

    Args:
        client: of the tracking store.
        name: shown in MLflow's tables.
        tags: set at once, so that they also describe a run that fails early.
        nested_in: ID of the run that needs this one first.
    """
    signs = {schema.HEARTBEAT: utc_now(), schema.LEASE: str(new_lease(this_process()))}
    all_tags = {schema.ATTEMPTS: "1", **signs, **tags}
    if nested_in is None and (place := os.environ.pop(schema.STUDY_PLACE, "")):
        nested_in, _, all_tags[schema.STUDY_NODE] = place.partition("/")
    if nested_in is None:
        use, run_id = take_named(client)
        nested_in = run_id if use is Use.PARENT else None
    else:
        use, run_id = Use.LEFT, ""
    if use is Use.TAKEN:
        client.log_batch(run_id, tags=[RunTag(k, v) for k, v in {MLFLOW_RUN_NAME: name, **all_tags}.items()])
        return MlflowReporter(client, run_id, is_started_by_mlflow=True)
    if nested_in is not None:
        all_tags[MLFLOW_PARENT_RUN_ID] = nested_in
        experiment = client.get_run(nested_in).info.experiment_id
    else:
        experiment = experiment_id(client)
    return MlflowReporter(client, create_once(client, experiment, name, all_tags, uuid4().hex))


def reopened(client: MlflowClient, run_id: str) -> MlflowReporter:
    """The next start of a run that ended early or was killed; `reopen` begins it, and until then nothing changes.

    Raises:
        TrackingError: there is no such run, or it is deleted.
    """
    run = _find_run(client, run_id)
    attempt = int(run.data.tags.get(schema.ATTEMPTS, "1")) + 1
    return MlflowReporter(client, run_id, attempt, is_started_by_mlflow=schema.MLFLOW_RUN in os.environ)


def reopen(reporter: MlflowReporter) -> None:
    """The run goes on; its number of starts increases by one."""
    fold(reporter.client, reporter.client.get_run(reporter.run_id))
    go_on(reporter.client, reporter.run_id)
    reporter.tags({schema.ATTEMPTS: str(reporter.attempt), schema.HEARTBEAT: utc_now()})


def _find_run(client: MlflowClient, run_id: str) -> Run:
    try:
        run = client.get_run(run_id)
    except MlflowException as error:
        raise TrackingError(f"resume = {run_id}: {reason(error)}") from error
    if run.info.lifecycle_stage != "active":
        raise TrackingError(f"resume = {run_id}: that run is deleted. `mlflow runs restore` restores it.")
    return run


def describe(
    reporter: MlflowReporter,
    settings: Mapping[str, Any],
    record: RunRecord,
    tags: Mapping[str, str],
    inputs: Sequence[DataInput],
) -> None:
    """Describe the run: resolved settings, data with digests, code, environment, and a text.

    Args:
        reporter: of the run.
        settings: resolved values by option name; they become parameters.
        record: the content of ``config.json``, enough to resume the run.
        tags: other tags, such as the fingerprint and the parent.
        inputs: the domains that the run reads.
    """
    reporter.params({schema.param(name): str(value) for name, value in settings.items()})
    code = CodeState.now()
    note = note_of(reporter.info, record, tags)
    reporter.tags({**tags, **code_tags(code), MLFLOW_RUN_NOTE: note})
    reporter.record(replace(record, attempts=(_attempt(reporter.attempt, 0, code, tags, record.settings),)))
    reporter.text(environment(), schema.ENVIRONMENT_FILE)
    if code.diff:
        reporter.text(code.diff, f"{schema.CODE_FOLDER}/{schema.DIFF_FILE}")
    reporter.inputs(inputs)


def describe_again(reporter: MlflowReporter, record: RunRecord, step: int, tags: Mapping[str, str]) -> None:
    """Describe what the next start of a run changes: its code, machine and settings.

    Args:
        reporter: of the run.
        record: with the present settings, and the earlier starts.
        step: the one from which the run goes on.
        tags: those that change.
    """
    code = CodeState.now()
    reporter.tags({**tags, **code_tags(code)})
    attempt = _attempt(reporter.attempt, step, code, tags, record.settings)
    reporter.record(replace(record, attempts=(*record.attempts, attempt)))
    if code.diff:
        reporter.text(code.diff, f"{schema.CODE_FOLDER}/{schema.diff_file(reporter.attempt)}")


def code_tags(code: CodeState) -> dict[str, str]:
    """The tags that name the code of a run; the log says what was left out of its patch."""
    if code.left_out:
        log.warning(
            "not recorded with the changes of the code, because they look like secrets: %s", ", ".join(code.left_out)
        )
    version = {schema.CODE_VERSION: code.version} if code.version else {}
    return {schema.CODE_COMMIT: code.commit, schema.CODE_DIRTY: str(code.is_dirty).lower(), **version}


def _attempt(
    number: int, step: int, code: CodeState, tags: Mapping[str, str], settings: Mapping[str, Any]
) -> dict[str, Any]:
    """A start of the run, for its record."""
    machine = {name: settings[name] for name in _MACHINE_SETTINGS if name in settings}
    facts = {"attempt": number, "step": step, "time": utc_now(), "machine": platform.node(), "settings": machine}
    return facts | {
        "commit": code.commit or code.version,
        "dirty": code.is_dirty,
        "code": tags.get(schema.CODE_DIGEST, ""),
    }
