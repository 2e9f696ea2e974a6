"""Going on with a run that ended early or was killed, in the same run."""

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
from msl.runs.work import built, conduct
from msl.stages.stage import Job, Outcome, Start, TrainingStage
from msl.tracking import Client, RunRecord, download, ending, read_record, reopen_run, workplace
from msl.training.callbacks import restore

log = logging.getLogger("msl")

_BUDGET = "max_iters"


def resume(client: Client, stage: AnyStage, request: Request, run_id: str) -> Outcome:
    """Go on where the run's last checkpoint was written. Everything is checked before the run is touched.

    Raises:
        ConfigError: other settings are asked for, or the stage does not train.
        DataError: its data has changed since.
        TrackingError: there is no such run, it is of another stage, or another process is training it.
    """
    if not isinstance(stage, TrainingStage):
        raise ConfigError(f"{stage.name} needs no resume: the same command again goes on where it was interrupted")
    record = read_record(client, run_id)
    config = _recorded(record, request)
    with workplace(run_id) as folder:
        data = stage.open(config)
        if data.digests() != record.data:
            raise DataError(f"run {run_id} cannot go on: its data has changed since (digests {record.data})")
        reporter = reopen_run(client, run_id)
        with ending(reporter):
            record_skipped(reporter, data.checks, folder)
            checkpoint = last_checkpoint(run_id, folder)
            starts = {} if checkpoint else _starts(client, record, data_root(config), folder)
            group = record.group or request.group_name()
            job = Job[Any, Any](group=group, config=config, data=data, starts=starts, reporter=reporter, folder=folder)
            training = built(stage, job, checkpoint)
            if checkpoint is not None:
                restore(checkpoint, training.state, training.callbacks)
            log.info("%s: run %s goes on at step %d", stage.name, run_id, training.state.step)
            reporter.record(replace(record, settings=config.flat()))
            reporter.metrics({schema.ATTEMPT: reporter.attempt}, training.state.step)
            return conduct(stage, job, training)


def last_checkpoint(run_id: str, folder: Path) -> Checkpoint | None:
    """The newer of the copies on this machine and on the server; None if the run never came to write one.

    Raises:
        CheckpointError: there are copies, but all of them are damaged.
    """
    paths = [folder / schema.LAST_CHECKPOINT]
    with suppress(CheckpointError):
        paths.append(download(run_id, f"{schema.CHECKPOINT_FOLDER}/{schema.LAST_CHECKPOINT}", folder / "resume"))
    whole, damage = [], None
    for path in (path for path in paths if path.is_file()):
        try:
            whole.append(read(path))
        except CheckpointError as error:  # a kill can tear an upload; the other copy is whole
            log.warning("%s", error)
            damage = error
    if damage is not None and not whole:
        raise damage
    return max(whole, key=lambda checkpoint: checkpoint.step, default=None)


def _recorded(record: RunRecord, request: Request) -> StageConfig:
    """A run's own settings; of what is asked for now, only the machine and the budget may differ.

    Raises:
        ConfigError: other settings are asked for.
        TrackingError: the run is of another stage.
    """
    if record.stage != request.stage:
        raise TrackingError(f"run {request.resume} is of stage {record.stage}: resume it with -e {record.stage}")
    config = type(request.settings()).of(**record.settings)
    changeable = {_BUDGET} | {name for group, name, _ in config.fields() if group == "runtime"}
    fixed = [name for name in request.overrides if name not in changeable]
    if fixed:
        raise ConfigError(
            f"resume goes on with the run's own settings: leave out {', '.join(fixed)}. "
            f"Only {', '.join(sorted(changeable))} may change."
        )
    return _moved(config.edit(**request.overrides), "data_root" in request.overrides)


def _moved(config: StageConfig, told: bool) -> StageConfig:
    """The settings with this machine's folder of data sets, where the run's own is not on it and none is told."""
    folder = data_root(config)
    lost = folder is None or not folder.is_dir()
    return config.edit(data_root=None).located() if lost and not told else config


def _starts(client: Client, record: RunRecord, root: Path | None, folder: Path) -> dict[str, Start]:
    """What the run started from, where it did not come to write a checkpoint of its own."""
    references = record.starts.items()
    return {setting: fetch(client, reference, root, folder / "start" / setting) for setting, reference in references}
