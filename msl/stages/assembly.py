"""A training put together: state, terms and callbacks."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from msl import schema
from msl.config import TrainConfig
from msl.data import Paired, Stream, TrainTransform
from msl.models import SegmentationNetwork
from msl.models.devices import PRECISIONS
from msl.recipes import Request
from msl.scoring.evaluation import Result
from msl.scoring.tables import write_tables
from msl.stages.inputs import Data
from msl.style.front import StyleFront, front_of
from msl.tracking import Client, DataInput, MlflowReporter
from msl.training import Callback, Schedule, State, Term, fit
from msl.training.callbacks import Evaluate, LogMeans, Panels, ProgressBar, SaveCheckpoints, StopOnNaN
from msl.training.optimizers import sgd
from msl.training.schedules import Poly


@dataclass(frozen=True, kw_only=True)
class Plan:
    """In what one training stage differs from the others."""

    stage: str
    trains_on: Sequence[str]  # roles of the domains; an epoch is a pass over the last of them
    terms: Callable[[Any, int], list[Term]]  # from the stage's settings and the iterations of an epoch
    parent: "Plan | None" = None  # the stage whose last checkpoint it starts from
    # From client, request, settings, run ID and the run's folder: what stands in front of the network.
    front: "Callable[[Client, Request, Any, str, Path], Front] | None" = None
    # From the job, the network and the position of further streams: what else trains.
    extension: "Callable[[Job, SegmentationNetwork, int], Extension] | None" = None


@dataclass(frozen=True, kw_only=True)
class Front:
    """What stands in front of a network, and where it is from."""

    module: StyleFront
    input: DataInput  # its style images
    decoder: str  # reference


@dataclass(frozen=True, kw_only=True)
class Extension:
    """What a stage trains beside its terms on the two domains."""

    terms: Sequence[Term] = ()
    streams: Mapping[str, Paired] = field(default_factory=dict)
    callbacks: Mapping[str, Callback] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Job:
    """One carrying-out of a stage."""

    plan: Plan
    group: str
    config: TrainConfig  # resolved
    data: Data
    reporter: MlflowReporter
    folder: Path  # of the run, on this machine

    @property
    def epoch_iters(self) -> int:
        """Iterations of an epoch."""
        return epoch_iters(self.plan, self.config, self.data)


@dataclass(frozen=True)
class Training:
    """What `fit` takes, and what is reported in the end."""

    job: Job
    state: State
    terms: Sequence[Term]
    callbacks: Mapping[str, Callback]

    def conduct(self) -> Result:
        """Train to the end and report the final tables; the result of the last evaluation."""
        config = self.job.config
        callbacks = list(self.callbacks.values())
        try:
            fit(self.state, self.terms, callbacks, config.optimizer.freeze_bn, PRECISIONS[config.run.precision])
        finally:
            for stream in self.state.streams.values():
                stream.close()
        evaluation = self.callbacks["evaluate"]
        assert isinstance(evaluation, Evaluate)
        for path in write_tables(evaluation.results, self.job.data.label_set, self.job.folder):
            self.job.reporter.file(path, schema.EVALUATION_FOLDER)
        return evaluation.results[schema.LAST]


def epoch_iters(plan: Plan, config: TrainConfig, data: Data) -> int:
    """Iterations of an epoch: as set, or one pass over the domain whose passes count."""
    images = len(data.trained[plan.trains_on[-1]])
    return config.schedule.epoch_iters or math.ceil(images / config.optimizer.batch_size)


def assemble(job: Job, model: SegmentationNetwork, positions: Mapping[str, int]) -> Training:
    """Put a stage's training together.

    Args:
        job: what is to be done.
        model: on its device.
        positions: where the streams begin, by role; from the start if left out.
    """
    device = next(model.parameters()).device
    own = {role: _stream(job, role, device, positions.get(role, 0)) for role in job.plan.trains_on}
    further = max((place for name, place in positions.items() if name not in own), default=0)
    more = job.plan.extension(job, model, further) if job.plan.extension else Extension()
    state = State(
        model=model,
        optimizer=sgd(model, job.config.optimizer),
        streams={**own, **more.streams},
        schedule=_schedule(job),
    )
    terms = [*job.plan.terms(job.config, job.epoch_iters), *more.terms]
    return Training(job, state, terms, _callbacks(job, model, more.callbacks))


def _stream(job: Job, role: str, device: torch.device, position: int) -> Stream:
    config = job.config
    return Stream(
        job.data.trained[role],
        TrainTransform(job.data.sizes[role], config.source.random_mirror, config.source.gaussian_blur, config.quarters),
        config.optimizer.batch_size,
        config.run.seed,
        role,
        config.runtime.num_workers,
        device,
        position,
    )


def _schedule(job: Job) -> Schedule:
    schedule, most = job.config.schedule, job.config.run.max_iters
    horizon, stop = schedule.horizon(job.epoch_iters), schedule.stop(job.epoch_iters)
    return Schedule(
        lr=Poly(horizon, job.config.optimizer.poly_power),
        stop=stop if most is None else min(stop, most),
        epoch_iters=job.epoch_iters,
    )


def _callbacks(job: Job, model: SegmentationNetwork, more: Mapping[str, Callback]) -> dict[str, Callback]:
    """In the order in which they act: nothing is logged after a NaN, and what is saved includes what was logged."""
    watch, data, reporter = job.config.monitor, job.data, job.reporter
    panels = job.config.evaluation.panels
    means = LogMeans(watch.log_every, reporter)
    evaluation = Evaluate(
        model,
        data.scored,
        data.label_set,
        reporter,
        every=watch.eval_every or job.epoch_iters,
        first=job.plan.parent is not None,
        precision=PRECISIONS[job.config.run.precision],
    )
    counting = {**more, "means": means, "evaluate": evaluation}
    return {
        "nan": StopOnNaN(),
        **counting,
        "panels": Panels(model, data.scored, panels, job.folder / schema.PANEL_FOLDER, reporter),
        "checkpoints": SaveCheckpoints(job.folder, reporter, counting, _about(job, model), watch.checkpoint_every),
        "bar": ProgressBar(job.plan.stage),
    }


def _about(job: Job, model: SegmentationNetwork) -> dict[str, Any]:
    """What a checkpoint says of itself to those who start from it or score it."""
    front = front_of(model)
    return ({} if front is None else {"front": front.about()}) | {
        "stage": job.plan.stage,
        "group": job.group,
        "settings": job.config.flat(),
        "model": model.config.model_dump(mode="json"),
        "label_set": job.data.label_set.name,
        "classes": list(job.data.label_set.classes),
    }
