"""The course of every training stage: from a request, through checked data and a start, to a finished run."""

import logging
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from msl import schema
from msl.config import AdaptConfig, ModelConfig, TrainConfig, validated
from msl.errors import CheckpointError, ConfigError, DataError, TrackingError
from msl.models import SegmentationNetwork, build_model
from msl.recipes import Request
from msl.stages.assembly import Job, Plan, Training, assemble, epoch_iters
from msl.stages.hygiene import record_skipped
from msl.stages.inputs import Data, open_data
from msl.tracking import (
    Client,
    MlflowReporter,
    connect,
    describe,
    download,
    ending,
    find_checkpoint,
    find_finished,
    fingerprint,
    nearest_finished,
    open_run,
    read_config,
    reopen_run,
    sha256_of,
    workplace,
)
from msl.training.checkpoint import Saved, load_network, read, restore
from msl.training.machine import place, prepare

log = logging.getLogger("msl")


@dataclass(frozen=True)
class Outcome:
    """What a stage leaves behind."""

    run_id: str
    metrics: Mapping[str, float]  # of the last evaluation


@dataclass(frozen=True)
class Start:
    """The checkpoint that a stage starts from."""

    path: Path
    reference: str  # a path, or runs:/ID/…
    run_id: str | None
    saved: Saved

    @property
    def parent(self) -> str:
        """What the tag msl.parent says."""
        return self.run_id or self.reference


def run(request: Request, plan: Plan, nested_in: str | None = None) -> Outcome:
    """Carry a stage out as a run on the tracking server; with `request.resume`, go on with one that ended early.

    Args:
        request: what is asked for.
        plan: of the stage.
        nested_in: ID of the run that needs this one first.

    Raises:
        MslError: anything a user can mend, before training wherever it can be known then. The run ends FAILED.
    """
    client = connect()
    if request.resume is not None:
        return _resume(client, request, plan, request.resume)
    config = request.config()
    group = request.group_name()
    tags = {schema.STAGE: plan.stage, schema.RECIPE: request.recipe, schema.GROUP: group}
    reporter = open_run(client, f"{group} seed={config.run.seed}", tags, nested_in)
    log.info("%s: run %s, group %s", plan.stage, reporter.run_id, group)
    with ending(reporter), workplace(reporter.run_id) as folder:
        data = open_data(config, plan.trains_on)
        config = _resolved(plan, config, data)
        start = _start(client, request, config, plan, reporter.run_id, folder)
        config = _following(config, start)
        _describe(reporter, request, plan, config, data, start)
        record_skipped(reporter, data.checks, folder)
        model = _network(config, data, start)
        job = Job(plan=plan, group=group, config=config, data=data, reporter=reporter, folder=folder)
        return _outcome(assemble(job, model, positions={}))


def _resume(client: Client, request: Request, plan: Plan, run_id: str) -> Outcome:
    """Go on where the run's last checkpoint was written, in the same run."""
    record = read_config(client, run_id)
    config = _recorded(record, request, plan)
    reporter = reopen_run(client, run_id)
    with ending(reporter), workplace(run_id) as folder:
        data = open_data(config, plan.trains_on)
        if data.digests() != record["data"]:
            raise DataError(f"run {run_id} cannot go on: its data has changed since (digests {record['data']})")
        record_skipped(reporter, data.checks, folder)
        saved = _last_checkpoint(run_id, folder)
        start = _fetch(record["start"], folder, config) if saved is None and record["start"] else None
        model = _network(config, data, start) if saved is None else _own_network(config, saved, run_id)
        job = Job(plan=plan, group=record["group"], config=config, data=data, reporter=reporter, folder=folder)
        training = assemble(job, model, saved["positions"] if saved else {})
        if saved is not None:
            restore(saved, training.state, training.callbacks)
        log.info("%s: run %s goes on at step %d", plan.stage, run_id, training.state.step)
        reporter.record(record | {"settings": config.flat()})
        reporter.metrics({schema.ATTEMPT: reporter.attempt}, training.state.step)
        return _outcome(training)


def _recorded(record: Mapping[str, Any], request: Request, plan: Plan) -> TrainConfig:
    """A run's own settings; of what is asked for now, only the machine and the budget may differ."""
    if record["stage"] != plan.stage:
        raise TrackingError(f"run {request.resume} is of stage {record['stage']}: resume it with -e {record['stage']}")
    config = request.config().edit(**record["settings"])
    changeable = {"max_iters", *type(config.runtime).model_fields}
    fixed = [name for name in request.overrides if name not in changeable]
    if fixed:
        raise ConfigError(
            f"resume goes on with the run's own settings: leave out {', '.join(fixed)}. "
            f"Only {', '.join(sorted(changeable))} may change."
        )
    return config.edit(**request.overrides)


def _resolved(plan: Plan, config: TrainConfig, data: Data) -> TrainConfig:
    """The settings with what the data decides filled in."""
    epoch = epoch_iters(plan, config, data)
    return config.edit(
        label_set=data.label_set.name,
        num_classes=len(data.label_set),
        target_crop_size=data.sizes[schema.TARGET],
        epoch_iters=epoch,
        eval_every=config.monitor.eval_every or epoch,
    )


def _start(
    client: Client, request: Request, config: TrainConfig, plan: Plan, run_id: str, folder: Path
) -> Start | None:
    """The checkpoint given, or the last one of a finished parent run that fits, or of one that is run now.

    The parent's last checkpoint and not its best: which is best was decided by looking at the target's labels.
    """
    if plan.parent is None or not isinstance(config, AdaptConfig):
        return None
    if config.start.checkpoint is not None:
        return _fetch(config.start.checkpoint, folder, config)
    parent = request.for_parent(plan.parent.stage)
    found = _find_parent(client, parent, plan.parent)
    if found is None:
        found = run(parent, plan.parent, nested_in=run_id).run_id
    return _fetch(f"runs:/{found}/{schema.CHECKPOINT_FOLDER}/{schema.LAST_CHECKPOINT}", folder, config)


def _find_parent(client: Client, parent: Request, plan: Plan) -> str | None:
    """ID of a finished run with the parent's settings, data and code; if there is none, say what comes nearest."""
    config = parent.config()
    data = open_data(config, plan.trains_on)
    config = _resolved(plan, config, data)
    found = find_finished(client, _fingerprint(plan, config, data, None))
    if found is not None:
        log.info("starting from the finished %s run %s", plan.stage, found)
        return found
    log.info("no finished %s run fits, so that stage is run first", plan.stage)
    nearest = nearest_finished(client, plan.stage, config.decisive())
    if nearest is not None:
        run_id, differing = nearest
        log.info(
            "nearest is run %s, which has other %s; to start from it nevertheless: checkpoint=runs:/%s/%s/%s",
            run_id,
            ", ".join(differing) or "data or code",
            *(run_id, schema.CHECKPOINT_FOLDER, schema.LAST_CHECKPOINT),
        )
    return None


def _fetch(reference: str, folder: Path, config: TrainConfig) -> Start:
    path, run_id = find_checkpoint(reference, folder / "start")
    return Start(path, reference, run_id, read(path, config.model))


def _following(config: TrainConfig, start: Start | None) -> TrainConfig:
    """The settings, with what they leave open of the network taken from the checkpoint that it starts from."""
    if start is None:
        return config
    there = validated(ModelConfig, start.saved["model"]).architecture()
    left_open = {name for name in there if getattr(config.model, name) is None}
    return config.edit(**{name: there[name] for name in left_open})


def _fingerprint(plan: Plan, config: TrainConfig, data: Data, start: Start | None) -> str:
    inputs = data.digests() | ({} if start is None else {"start": sha256_of(start.path)})
    settings = {name: value for name, value in config.decisive().items() if name != "checkpoint"}
    return fingerprint(plan.stage, settings, inputs)


def _describe(
    reporter: MlflowReporter, request: Request, plan: Plan, config: TrainConfig, data: Data, start: Start | None
) -> None:
    record = {
        "stage": plan.stage,
        "recipe": request.recipe,
        "group": request.group_name(),
        "settings": config.flat(),
        "classes": list(data.label_set.classes),
        "data": data.digests(),
        "start": None if start is None else start.reference,
    }
    tags = data.tags() | {schema.FINGERPRINT: _fingerprint(plan, config, data, start)}
    if start is not None:
        tags[schema.PARENT] = start.parent
    describe(reporter, config.flat(), record, tags, data.inputs)


def _network(config: TrainConfig, data: Data, start: Start | None) -> SegmentationNetwork:
    """The network on its device: from the start's checkpoint, or fresh."""
    device = prepare(config.runtime)
    torch.manual_seed(config.run.seed)
    if start is None:
        model = build_model(config.model)
    else:
        model = load_network(start.saved, start.path, config.model, data.label_set.classes)
    place(model, device)
    return model


def _own_network(config: TrainConfig, saved: Saved, run_id: str) -> SegmentationNetwork:
    """The network of a run's own checkpoint on its device; the weights that it once started from are not needed."""
    device = prepare(config.runtime)
    model = load_network(saved, Path(run_id))
    place(model, device)
    return model


def _last_checkpoint(run_id: str, folder: Path) -> Saved | None:
    """The newer of the copies on this machine and on the server; None if the run never came to write one.

    Raises:
        CheckpointError: there are copies, but all of them are damaged.
    """
    paths = [folder / schema.LAST_CHECKPOINT]
    with suppress(CheckpointError):
        paths.append(download(run_id, f"{schema.CHECKPOINT_FOLDER}/{schema.LAST_CHECKPOINT}", folder / "resume"))
    copies = [path for path in paths if path.is_file()]
    found, damage = [], None
    for path in copies:
        try:
            found.append(read(path))
        except CheckpointError as error:  # a kill can tear an upload; the other copy is whole
            log.warning("%s", error)
            damage = error
    if damage is not None and not found:
        raise damage
    return max(found, key=lambda saved: int(saved["step"]), default=None)


def _outcome(training: Training) -> Outcome:
    result = training.conduct()
    return Outcome(training.job.reporter.run_id, result.metrics(training.job.data.label_set))
