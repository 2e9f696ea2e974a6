"""Continuing a run that ended early or was killed, in the same run."""

import logging
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from msl import schema
from msl.checkpoints import Checkpoint, read
from msl.config import StageConfig
from msl.errors import CheckpointError, ConfigError, DataError, TrackingError
from msl.inputs.checks import record_skipped
from msl.recipes import Request
from msl.runs.starts import fetch
from msl.runs.supplies import AnyStage, data_root
from msl.runs.work import build_training, conduct
from msl.stages.stage import Job, Outcome, Start, TrainingStage
from msl.tracking import Client, RunRecord, download, ending, read_record, reopen_run, run_folder
from msl.training.callbacks import restore

log = logging.getLogger("msl")

_BUDGET = "max_iters"


def resume(client: Client, stage: AnyStage, request: Request, run_id: str) -> Outcome:
    """Continue from the run's last checkpoint. Everything is checked before the run is changed.

    Raises:
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
    with run_folder(run_id) as folder:
        data = stage.open(config)
        if data.digests() != record.data:
            raise DataError(
                f"resume = {run_id}: the run cannot continue, its data has changed (digests were {record.data}). "
                "Start a new run, or restore the data."
            )
        reporter = reopen_run(client, run_id)
        with ending(reporter):
            record_skipped(reporter, data.checks, folder)
            checkpoint = last_checkpoint(run_id, folder)
            starts = {} if checkpoint else _starts(client, record, data_root(config), folder)
            group = record.group or request.group_name()
            job = Job[Any, Any](group=group, config=config, data=data, starts=starts, reporter=reporter, folder=folder)
            training = build_training(stage, job, checkpoint)
            if checkpoint is not None:
                restore(checkpoint, training.state, training.callbacks)
            log.info("%s: run %s continues at step %d", stage.name, run_id, training.state.step)
            reporter.record(replace(record, settings=config.flat()))
            reporter.metrics({schema.ATTEMPT: reporter.attempt}, training.state.step)
            return conduct(stage, job, training)


def last_checkpoint(run_id: str, folder: Path) -> Checkpoint | None:
    """The newer of the checkpoints on this machine and on the server; None if the run has not written one.

    Raises:
        CheckpointError: there are checkpoints, but all of them are damaged.
    """
    paths = [folder / schema.LAST_CHECKPOINT]
    with suppress(CheckpointError):
        paths.append(download(run_id, f"{schema.CHECKPOINT_FOLDER}/{schema.LAST_CHECKPOINT}", folder / "resume"))
    checkpoints, damage = [], None
    for path in (path for path in paths if path.is_file()):
        try:
            checkpoints.append(read(path))
        except CheckpointError as error:  # a killed process leaves half an upload; the other file is complete
            log.warning("%s", error)
            damage = error
    if damage is not None and not checkpoints:
        raise damage
    return max(checkpoints, key=lambda checkpoint: checkpoint.step, default=None)


def _recorded_settings(record: RunRecord, request: Request) -> StageConfig:
    """The settings of the run; the request may change only those of the machine and the budget.

    Raises:
        ConfigError: the request changes other settings.
        TrackingError: the run is of another stage.
    """
    if record.stage != request.stage:
        raise TrackingError(f"run {request.resume} is of stage {record.stage}: resume it with -e {record.stage}")
    config = type(request.settings()).of(**record.settings)
    changeable = {_BUDGET} | {name for group, name, _ in config.fields() if group == "runtime"}
    refused = [name for name in request.overrides if name not in changeable]
    if refused:
        raise ConfigError(
            f"resume continues with the run's own settings: leave out {', '.join(refused)}. "
            f"Only {', '.join(sorted(changeable))} may change."
        )
    return _on_this_machine(config.edit(**request.overrides), "data_root" in request.overrides)


def _on_this_machine(config: StageConfig, is_folder_set: bool) -> StageConfig:
    """The settings with MSL_DATA of this machine, if it lacks the run's folder of data sets and none is set."""
    folder = data_root(config)
    is_missing = folder is None or not folder.is_dir()
    return config.edit(data_root=None).located() if is_missing and not is_folder_set else config


def _starts(client: Client, record: RunRecord, root: Path | None, folder: Path) -> dict[str, Start]:
    """The results that the run started from: needed if it has not written a checkpoint of its own."""
    references = record.starts.items()
    return {setting: fetch(client, reference, root, folder / "start" / setting) for setting, reference in references}
