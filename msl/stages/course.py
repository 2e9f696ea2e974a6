"""The course of every training stage: from a request, through checked data and a start, to a finished run."""

import logging
from dataclasses import dataclass
from pathlib import Path

import torch

from msl import schema
from msl.checkpoints.checkpoint import Saved, load_network, network_settings, read
from msl.config import AdaptConfig, TrainConfig
from msl.errors import CheckpointError, DataError
from msl.models import SegmentationNetwork, build_model
from msl.models.devices import place, prepare
from msl.recipes import Request
from msl.stages.assembly import Front, Job, Plan, Training, assemble, epoch_iters
from msl.stages.hygiene import record_skipped
from msl.stages.inputs import Data, open_data
from msl.stages.runs import Outcome, last_checkpoint, recorded
from msl.stages.styled import with_copies
from msl.style.front import front_of, put_in_front
from msl.tracking import (
    Client,
    MlflowReporter,
    connect,
    describe,
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
from msl.training.callbacks import restore

log = logging.getLogger("msl")


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
        config = with_copies(client, request, config, reporter.run_id)
        data = open_data(config, plan.trains_on)
        config = _resolved(plan, config, data)
        start = _start(client, request, config, plan, reporter.run_id, folder)
        config = _following(config, start)
        front = plan.front(client, request, config, reporter.run_id, folder) if plan.front else None
        _describe(reporter, request, plan, config, data, start, front)
        record_skipped(reporter, data.checks, folder)
        model = _network(config, data, start, front)
        job = Job(plan=plan, group=group, config=config, data=data, reporter=reporter, folder=folder)
        return _outcome(assemble(job, model, positions={}))


def _resume(client: Client, request: Request, plan: Plan, run_id: str) -> Outcome:
    """Go on where the run's last checkpoint was written, in the same run."""
    record = read_config(client, run_id)
    config = recorded(record, request)
    assert isinstance(config, TrainConfig)
    reporter = reopen_run(client, run_id)
    with ending(reporter), workplace(run_id) as folder:
        data = open_data(config, plan.trains_on)
        if data.digests() != record["data"]:
            raise DataError(f"run {run_id} cannot go on: its data has changed since (digests {record['data']})")
        record_skipped(reporter, data.checks, folder)
        saved = last_checkpoint(run_id, folder)
        start = _fetch(record["start"], folder, config) if saved is None and record["start"] else None
        if saved is None:
            front = plan.front(client, request, config, run_id, folder) if plan.front else None
            model = _network(config, data, start, front)
        else:
            model = _own_network(config, saved, run_id)
        job = Job(plan=plan, group=record["group"], config=config, data=data, reporter=reporter, folder=folder)
        training = assemble(job, model, saved["positions"] if saved else {})
        if saved is not None:
            restore(saved, training.state, training.callbacks)
        log.info("%s: run %s goes on at step %d", plan.stage, run_id, training.state.step)
        reporter.record(record | {"settings": config.flat()})
        reporter.metrics({schema.ATTEMPT: reporter.attempt}, training.state.step)
        return _outcome(training)


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
    found = _find_parent(client, parent, plan.parent, run_id)
    if found is None:
        found = run(parent, plan.parent, nested_in=run_id).run_id
    return _fetch(f"runs:/{found}/{schema.CHECKPOINT_FOLDER}/{schema.LAST_CHECKPOINT}", folder, config)


def _find_parent(client: Client, parent: Request, plan: Plan, run_id: str) -> str | None:
    """ID of a finished run with the parent's settings, data and code; if there is none, say what comes nearest."""
    config = with_copies(client, parent, parent.config(), run_id)
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
    there = network_settings(start.saved, start.path).architecture()
    left_open = {name for name in there if getattr(config.model, name) is None}
    return config.edit(**{name: there[name] for name in left_open})


def _fingerprint(plan: Plan, config: TrainConfig, data: Data, start: Start | None) -> str:
    inputs = data.digests() | ({} if start is None else {"start": sha256_of(start.path)})
    settings = {name: value for name, value in config.decisive().items() if name != "checkpoint"}
    return fingerprint(plan.stage, settings, inputs)


def _describe(
    reporter: MlflowReporter,
    request: Request,
    plan: Plan,
    config: TrainConfig,
    data: Data,
    start: Start | None,
    front: Front | None,
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
    if front is not None:
        tags[schema.STYLE_DECODER] = front.decoder
    describe(reporter, config.flat(), record, tags, [*data.inputs, *([] if front is None else [front.input])])


def _network(config: TrainConfig, data: Data, start: Start | None, front: Front | None) -> SegmentationNetwork:
    """The network on its device: from the start's checkpoint, or fresh.

    Raises:
        CheckpointError: a style network is to stand in front of one that has one.
    """
    device = prepare(config.runtime)
    torch.manual_seed(config.run.seed)
    if start is None:
        model = build_model(config.model)
    else:
        model = load_network(start.saved, start.path, config.model, data.label_set.classes)
    if front is not None:
        if front_of(model) is not None:
            raise CheckpointError("checkpoint: a style network stands in front of that one already; start from another")
        put_in_front(model, front.module)
    return place(model, device)


def _own_network(config: TrainConfig, saved: Saved, run_id: str) -> SegmentationNetwork:
    """The network of a run's own checkpoint on its device; the weights that it once started from are not needed."""
    device = prepare(config.runtime)
    model = load_network(saved, Path(run_id))
    place(model, device)
    return model


def _outcome(training: Training) -> Outcome:
    result = training.conduct()
    return Outcome(training.job.reporter.run_id, result.metrics(training.job.data.label_set))
