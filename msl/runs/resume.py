"""Continuing a run that ended early or was killed, in the same run."""

import logging
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from msl import schema
from msl.checkpoints import Checkpoint, newest_whole, previous_generation
from msl.config import StageConfig
from msl.data.titles import domain_title
from msl.errors import CheckpointError, ConfigError, DataError, TrackingError
from msl.inputs.checks import record_skipped
from msl.recipes import Request
from msl.runs.machine import on_this_machine
from msl.runs.starts import fetch
from msl.runs.supplies import AnyStage, code_of, data_root, fingerprint_of
from msl.runs.work import build_training, conduct
from msl.stages.stage import Job, Outcome, Start, TrainingStage
from msl.tracking import (
    RESUME_FOLDER,
    STARTS_FOLDER,
    Client,
    MlflowReporter,
    RunRecord,
    describe_again,
    download,
    ending,
    forget_if_continued_elsewhere,
    read_record,
    refuse_if_held,
    reopen,
    reopened,
    run_folder,
    take,
)
from msl.training import State
from msl.training.callbacks import restore

log = logging.getLogger("msl")

AnyTraining = TrainingStage[Any, Any, Any]
_BUDGET = "max_iters"


def resume(client: Client, stage: AnyStage, request: Request, run_id: str, stays: bool = False) -> Outcome:
    """Continue from the run's last checkpoint. Everything is checked before the run is changed.

    Args:
        client: of the tracking store.
        stage: of the run.
        request: with the settings that change.
        run_id: the run.
        stays: its folder is not removed at the end: another run needs it.

    Raises:
        CheckpointError: its checkpoints are damaged, or a result that it started from is missing.
        ConfigError: the settings differ from the run's, or the stage does not train.
        DataError: the run's data has changed.
        TrackingError: there is no such run, it is of another stage, or another process is training it.
    """
    if not isinstance(stage, TrainingStage):
        raise ConfigError(
            f"resume = {run_id}: {stage.name} has no resume; give the same command again, and it continues"
        )
    record = read_record(client, run_id)
    config = _recorded_settings(record, request)
    with run_folder(run_id, stays) as folder:
        refuse_if_held(client, run_id)
        forget_if_continued_elsewhere(client, run_id, folder)
        data = stage.open(config)
        _refuse_other_data(run_id, data.digests(), record.data or {})
        checkpoint = last_checkpoint(run_id, folder)
        _refuse_a_spent_budget(config, checkpoint)
        starts = {} if checkpoint else _starts(client, record, data_root(config), folder)
        reporter = reopened(client, run_id)
        before = client.get_run(run_id).data.tags
        tags = _tags(client, reporter, stage, record, config, data, request.force)
        group = record.group or request.group_name(domain_title)
        job = Job[Any, Any](group=group, config=config, data=data, starts=starts, reporter=reporter, folder=folder)
        training = build_training(stage, job, checkpoint)
        if checkpoint is not None:
            restore(checkpoint, training.state, training.callbacks)
        take(client, run_id)
        with ending(reporter, is_resumable=True):
            reopen(reporter)
            record_skipped(reporter, data.checks, folder)
            log.info("%s: run %s %s", stage.name, run_id, _progress(training.state))
            describe_again(reporter, replace(record, settings=config.flat()), training.state.step, tags)
            outcome = conduct(stage, job, training, _mark(checkpoint))
            return replace(outcome, fingerprint=tags.get(schema.FINGERPRINT, before.get(schema.FINGERPRINT, "")))


def is_described(client: Client, run_id: str) -> bool:
    """Whether the run can be resumed from its record."""
    try:
        read_record(client, run_id)
    except TrackingError:
        return False
    return True


def refuse_other_stage(run_id: str, stage: str, requested_stage: str) -> None:
    """Refuse a run of another stage; raises a TrackingError."""
    if stage != requested_stage:
        raise TrackingError(f"run {run_id} is of stage {stage}: resume it with -e {stage}")


def _progress(state: State) -> str:
    if state.finished:
        return f"is finished: it has all its {state.step} iterations, and its scores are reported once more"
    return f"continues at step {state.step}"


def _mark(checkpoint: Checkpoint | None) -> str:
    return checkpoint.progress.mark if checkpoint is not None and checkpoint.progress is not None else ""


def _refuse_other_data(run_id: str, digests: Mapping[str, str], recorded: Mapping[str, str]) -> None:
    """Refuse data that has changed. The record of an older version may name less of it."""
    changed = [name for name, digest in recorded.items() if digests.get(name) != digest]
    if changed:
        known = ", ".join(f"{name} {recorded[name][:12]}" for name in changed)
        raise DataError(
            f"resume = {run_id}: the run cannot continue, its data has changed (digests were {known}). Start a new "
            "run, or restore the data."
        )


def _refuse_a_spent_budget(config: StageConfig, checkpoint: Checkpoint | None) -> None:
    """Refuse fewer iterations than the run has: its record would be wrong."""
    most = config.flat()[_BUDGET]
    if checkpoint is not None and most is not None and checkpoint.step > most:
        raise ConfigError(
            f"{_BUDGET} = {most}: the run already has {checkpoint.step} iterations. Pass {checkpoint.step} or "
            f"more, or leave {_BUDGET} out."
        )


def _tags(
    client: Client,
    reporter: MlflowReporter,
    stage: AnyTraining,
    record: RunRecord,
    config: StageConfig,
    data: Any,
    force: bool,
) -> dict[str, str]:
    """The tags that are another than before.

    Raises:
        ConfigError: the code that decides the result has changed, and the resume is not forced.
    """
    before = client.get_run(reporter.run_id).data
    code, recorded_code = code_of(stage, config, data), before.tags.get(schema.CODE_DIGEST)
    tags = {schema.CODE_DIGEST: code} | _changed(before.params | before.tags, config)
    if recorded_code in (None, code):  # older runs have none
        return tags | _fingerprint(before.tags.get(schema.FINGERPRINT), stage, record, config, data)
    if not force:
        commit = before.tags.get(schema.CODE_COMMIT) or "unknown"
        raise ConfigError(
            f"resume = {reporter.run_id}: the code that decides its result has changed since commit {commit}. "
            "Restore that code, start a new run, or pass force=true: the run then records that its code changed."
        )
    return tags | {schema.FINGERPRINT: "", schema.FORCED: str(reporter.attempt)}


def _changed(before: Mapping[str, str], config: StageConfig) -> dict[str, str]:
    """Tags with the settings that are not those that the run recorded."""
    settings = {name: str(value) for name, value in config.flat().items()}
    return {
        schema.changed(name): value
        for name, value in settings.items()
        if before.get(schema.changed(name), before.get(schema.param(name), value)) != value
    }


def _fingerprint(
    tag: str | None, stage: AnyTraining, record: RunRecord, config: StageConfig, data: Any
) -> dict[str, str]:
    """The new tag if another budget gives another result; an empty one if no fingerprint is true of the run.

    That is so if the code has changed since the run began. A run with a start gets an empty one, too: no stage looks
    for such a run by its fingerprint.
    """
    recorded = config.edit(**{_BUDGET: record.settings.get(_BUDGET)})
    before, now = (fingerprint_of(stage, settings, data, {}) for settings in (recorded, config))
    if before == now:
        return {}
    return {schema.FINGERPRINT: now if tag == before else ""}


def last_checkpoint(run_id: str, folder: Path) -> Checkpoint | None:
    """The newest whole checkpoint on this machine and on the server; None if the run has not written one.

    Raises:
        CheckpointError: there are checkpoints, but all of them are damaged.
    """
    newest = folder / schema.LAST_CHECKPOINT
    paths = [newest, previous_generation(newest)]
    for name in (schema.LAST_CHECKPOINT, schema.INCOMING_CHECKPOINT):
        with suppress(CheckpointError):
            paths.append(download(run_id, f"{schema.CHECKPOINT_FOLDER}/{name}", folder / RESUME_FOLDER))
    return newest_whole(paths)  # a killed process leaves half an upload; the files here are complete


def _recorded_settings(record: RunRecord, request: Request) -> StageConfig:
    """The settings of the run; the request may change only those of the machine and the budget.

    Raises:
        ConfigError: the request changes other settings.
        TrackingError: the run is of another stage.
    """
    refuse_other_stage(str(request.resume), record.stage, request.stage)
    config = type(request.settings).of(**record.settings)
    changeable = {_BUDGET} | {name for group, name, _ in config.fields() if group == "runtime"}
    refused = [name for name in request.overrides if name not in changeable]
    if refused:
        raise ConfigError(
            f"resume continues with the run's own settings: leave out {', '.join(refused)}. "
            f"Only {', '.join(sorted(changeable))} may change."
        )
    return on_this_machine(config.edit(**request.overrides), request.overrides)


def _starts(client: Client, record: RunRecord, root: Path | None, folder: Path) -> dict[str, Start]:
    """The results that the run started from: needed if it has not written a checkpoint of its own."""
    references = record.starts.items()
    return {
        setting: fetch(client, setting, reference, root, folder / STARTS_FOLDER / setting)
        for setting, reference in references
    }
