"""The life of a run: it is opened, described, and ended, unless kill -9 stops the process."""

import logging
import os
import platform
import threading
import time
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Any
from uuid import uuid4

from mlflow.entities import Run, RunTag
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient
from mlflow.utils.mlflow_tags import MLFLOW_PARENT_RUN_ID, MLFLOW_RUN_NAME, MLFLOW_RUN_NOTE

from msl import schema
from msl.errors import TrackingError
from msl.tracking.code_state import CodeState, environment
from msl.tracking.connection import experiment_id
from msl.tracking.description import DataInput
from msl.tracking.direct import utc_now
from msl.tracking.lease import new_lease, this_process
from msl.tracking.note import note_of
from msl.tracking.record import RunRecord
from msl.tracking.reporter import MlflowReporter
from msl.tracking.signals import Signals, handling
from msl.tracking.status import go_on

_MESSAGE_LIMIT = 5000  # characters of msl.error; MLflow cuts longer tags than 8 000 without a warning
_MACHINE_SETTINGS = ("max_iters", "device", "threads", "num_workers", "cache")  # what a resume may change
_CREATE_WAITS_S = (1.0, 3.0, 9.0)  # between attempts to make a run

log = logging.getLogger("msl")


def open_run(client: MlflowClient, name: str, tags: Mapping[str, str], nested_in: str | None = None) -> MlflowReporter:
    """A new run, or the one that `mlflow run` has made for this process.

    Args:
        client: of the tracking store.
        name: shown in MLflow's tables.
        tags: set at once, so that they also describe a run that fails early.
        nested_in: ID of the run that needs this one first.
    """
    signs = {schema.HEARTBEAT: utc_now(), schema.LEASE: str(new_lease(this_process()))}
    all_tags = {schema.ATTEMPTS: "1", **signs, **tags}
    run_id = None if nested_in else os.environ.pop(schema.MLFLOW_RUN, None)  # popped: it is for one run only
    if run_id is not None:
        client.log_batch(run_id, tags=[RunTag(k, v) for k, v in {MLFLOW_RUN_NAME: name, **all_tags}.items()])
        return MlflowReporter(client, run_id, is_started_by_mlflow=True)
    if nested_in is not None:
        all_tags[MLFLOW_PARENT_RUN_ID] = nested_in
        experiment = client.get_run(nested_in).info.experiment_id
    else:
        experiment = experiment_id(client)
    return MlflowReporter(client, create_once(client, experiment, name, all_tags, uuid4().hex))


def create_once(
    client: MlflowClient,
    experiment: str,
    name: str,
    tags: Mapping[str, str],
    creation: str,
    start_ms: int | None = None,
) -> str:
    """ID of a new run. If the server's answer is lost, the run may exist: it is looked for before another is made.

    Args:
        client: of the tracking store.
        experiment: ID of its experiment.
        name: shown in MLflow's tables.
        tags: set at once.
        creation: what this run alone has in its tag `msl.creation`.
        start_ms: when it began, in milliseconds of Unix time; None = now.

    Raises:
        TrackingError: no server answers.
    """
    error: MlflowException | None = None
    all_tags = {**tags, schema.CREATION: creation}
    for wait_s in _CREATE_WAITS_S:
        try:
            with _without_retries():
                return str(client.create_run(experiment, start_ms, all_tags, name).info.run_id)
        except MlflowException as failure:
            if failure.get_http_status_code() in range(400, 500):
                raise
            error = failure
            log.warning("the tracking server has not confirmed the new run; asking again in %g s", wait_s)
        time.sleep(wait_s)
        with suppress(MlflowException):
            runs = client.search_runs([experiment], f"tags.`{schema.CREATION}` = '{creation}'")
            if runs:
                return str(runs[0].info.run_id)
    raise TrackingError(
        f"no run can be made: {str(error).splitlines()[0]}. Start the tracking server again."
    ) from error


@contextmanager
def _without_retries() -> Iterator[None]:
    """MLflow itself sends a request again whose answer was lost, and so makes a second run."""
    name = "MLFLOW_HTTP_REQUEST_MAX_RETRIES"
    previous = os.environ.get(name)
    os.environ[name] = "0"
    try:
        yield
    finally:
        if previous is None:
            del os.environ[name]
        else:
            os.environ[name] = previous


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
    _fold_wrapper(reporter.client, reporter.client.get_run(reporter.run_id))
    go_on(reporter.client, reporter.run_id)
    reporter.tags({schema.ATTEMPTS: str(reporter.attempt), schema.HEARTBEAT: utc_now()})


def _find_run(client: MlflowClient, run_id: str) -> Run:
    try:
        run = client.get_run(run_id)
    except MlflowException as error:
        raise TrackingError(f"resume = {run_id}: {str(error).splitlines()[0]}") from error
    if run.info.lifecycle_stage != "active":
        raise TrackingError(f"resume = {run_id}: that run is deleted. `mlflow runs restore` restores it.")
    return run


def _fold_wrapper(client: MlflowClient, run: Run) -> None:
    """Nest the run that `mlflow run -P resume=ID` makes for itself below the resumed run, as a note of the command.

    It stays empty. It cannot be deleted, because `mlflow run` ends it after the command, and fails if it is missing.
    """
    wrapper = os.environ.pop(schema.MLFLOW_RUN, None)
    if wrapper is not None and wrapper != run.info.run_id:
        tags = {MLFLOW_PARENT_RUN_ID: run.info.run_id, MLFLOW_RUN_NAME: f"resume of {run.info.run_name}"}
        client.log_batch(wrapper, tags=[RunTag(key, value) for key, value in tags.items()])


def note_failure(message: str) -> None:
    """Write into the run that `mlflow run` has made why the command ended before it used that run."""
    run_id = os.environ.pop(schema.MLFLOW_RUN)
    with suppress(MlflowException, OSError):
        MlflowClient().set_tag(run_id, schema.ERROR, message[:_MESSAGE_LIMIT])


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
    reporter.tags({**tags, **_code_tags(code), MLFLOW_RUN_NOTE: note})
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
    reporter.tags({**tags, **_code_tags(code)})
    attempt = _attempt(reporter.attempt, step, code, tags, record.settings)
    reporter.record(replace(record, attempts=(*record.attempts, attempt)))
    if code.diff:
        reporter.text(code.diff, f"{schema.CODE_FOLDER}/{schema.diff_file(reporter.attempt)}")


def _code_tags(code: CodeState) -> dict[str, str]:
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


@contextmanager
def ending(reporter: MlflowReporter) -> Iterator[None]:
    """End the run after this block: FINISHED, FAILED with the error and its traceback, or KILLED by a signal."""
    signals = Signals(lambda error: _end(reporter, error, signals.reason))
    with handling(signals, reporter.is_started_by_mlflow), _beating(reporter):
        try:
            yield
            reporter.end(schema.FINISHED)
        except BaseException as error:
            signals.leave()
            _end(reporter, error, signals.reason)
            raise


def close_undescribed(client: MlflowClient, run_id: str) -> bool:
    """Mark a run as failed whose process ended without a word before it was described.

    Returns:
        False: the run has ended otherwise, or is not in this store.

    Raises:
        MlflowException: the server does not take it.
    """
    try:
        if client.get_run(run_id).info.status != schema.RUNNING:
            return False
    except MlflowException:
        return False
    message = f"the process ended before its training began. The run can begin again: -P resume={run_id}"
    tags = {schema.ERROR: message, schema.STATUS: schema.FAILED}
    client.log_batch(run_id, tags=[RunTag(key, value) for key, value in tags.items()])
    client.set_terminated(run_id, schema.FAILED)
    return True


@contextmanager
def _beating(reporter: MlflowReporter) -> Iterator[None]:
    """Within this block, a thread shows that the run is alive: checks of data and evaluations take minutes."""
    is_over = threading.Event()

    def beat() -> None:
        while not is_over.wait(schema.HEARTBEAT_EVERY_S):
            with suppress(MlflowException, OSError, TrackingError):  # the next one may arrive
                reporter.beat()

    threading.Thread(target=beat, daemon=True).start()
    try:
        yield
    finally:
        is_over.set()


def _end(reporter: MlflowReporter, error: BaseException, reason: str) -> None:
    """End the run after an error, unless it has ended before; perhaps it was the server or the disk that failed."""
    if reporter.ended:
        return
    is_killed = isinstance(error, KeyboardInterrupt | SystemExit)
    message = f"{type(error).__name__}: {error}"
    if reason:
        message = f"{reason}. The run can be continued: -P resume={reporter.run_id}"
    if not is_killed:
        with suppress(MlflowException, OSError, TrackingError):
            trace = "".join(traceback.format_exception(error))
            reporter.text(trace, f"{schema.ERROR_FOLDER}/{schema.TRACEBACK_FILE}")
    with suppress(MlflowException, OSError, TrackingError):
        reporter.end(schema.KILLED if is_killed else schema.FAILED, message[:_MESSAGE_LIMIT])
