"""The common part of all stages that train a segmentation network."""

import math
from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar

import torch
from torch import Tensor

from msl import schema
from msl.checkpoints import About, Checkpoint, NetworkAbout, load_network
from msl.config import TrainConfig
from msl.config.catalog import BACKBONES, NETWORKS, OPTIMIZERS
from msl.data import Paired, Stream, is_domain_file
from msl.inputs.domains import DomainData
from msl.inputs.prepared import scored_images
from msl.models import SegmentationNetwork, build_model
from msl.models.blocks import repeated_blocks
from msl.models.devices import machine_values, prepare, to_device
from msl.models.precision import PRECISIONS, chosen_precision, usable_precision
from msl.recipes import Request
from msl.references import backbone_file
from msl.scoring.recalibration import Recalibration
from msl.scoring.tables import write_tables
from msl.stages.domain_streams import domain_stream
from msl.stages.profiles import profile_of
from msl.stages.stage import Job, Need, Start, Training, TrainingStage
from msl.style.front import front_of
from msl.tracking import sha256_of
from msl.training import Callback, Schedule, State, Term
from msl.training.callbacks import Evaluate, LogMeans, Panels, ProgressBar, SaveCheckpoints, StopOnNaN
from msl.training.distributed.batch_norm import sync_batch_norms
from msl.training.optimizers import build_optimizer
from msl.training.scaling import Scaling
from msl.training.schedules import lr_schedule

T = TypeVar("T", bound=TrainConfig)
D = TypeVar("D", bound=DomainData)

_ALWAYS = (
    *("msl.models.build", "msl.training.loop", "msl.training.acceleration"),
    *("msl.training.optimizers.build", "msl.training.schedules"),
)


# A fingerprint has these in another form: domains by their content, whatever path is typed; results of other stages as
# inputs; the length of the training as its last iteration.
_KNOWN_OTHERWISE = ("source", "target", "checkpoint", "decoder", "iter_stop", "max_iters")


@dataclass(frozen=True, kw_only=True)
class Extension:
    """What a stage trains in addition to its terms on the two domains."""

    terms: Sequence[Term] = ()
    streams: Mapping[str, Stream | Paired] = field(default_factory=dict)
    callbacks: Mapping[str, Callback] = field(default_factory=dict)
    observed: Mapping[str, Callable[[], Tensor]] = field(default_factory=dict)  # numbers of a step, by metric


class SegmentationStage(TrainingStage[T, D, SegmentationNetwork], Generic[T, D]):
    """A list of terms on the domains' streams."""

    trains_on: ClassVar[tuple[str, ...]]  # roles of the domains; an epoch is a pass over the last of them

    @abstractmethod
    def terms(self, config: T, epoch_iters: int) -> list[Term]:
        """The objectives, each with its stream and its steps."""

    def informed_terms(self, job: Job[T, D], epoch_iters: int, device: torch.device) -> list[Term]:
        """The terms, with what the data decides in them, on the network's device."""
        return self.terms(job.config, epoch_iters)

    def extension(self, job: Job[T, D], network: SegmentationNetwork, positions: Mapping[str, int]) -> Extension:
        """What the stage trains in addition."""
        return Extension()

    def needs(self, request: Request, config: T) -> list[Need]:
        """The styled copies of domains that the recipe makes."""
        styled = request.base.styled
        names = {schema.SOURCE: config.source.source, schema.TARGET: config.target.target or ""}
        return [_copy(request, role, name, styled[name]) for role, name in names.items() if name in styled]

    def check(self, request: Request, starts: Mapping[str, Start]) -> None:
        """Also whether the network can be built: its weights may be for another backbone; and whether it has blocks."""
        super().check(request, starts)
        settings: Any = request.settings
        network = build_model(settings.model)
        if settings.runtime.recompute:
            repeated_blocks(network)

    def values_from_data(self, config: T, data: D) -> dict[str, Any]:
        """The classes, the size of the target's images and the length of an epoch; the precision of this machine."""
        epoch = self.epoch_iters(config, data)
        return {
            "label_set": _label_set(config, data),
            "num_classes": len(data.label_set),
            "target_crop_size": data.sizes[schema.TARGET],
            "epoch_iters": epoch,
            "eval_every": config.monitor.eval_every or epoch,
            "precision": chosen_precision(config.run.precision, config.runtime),
            **machine_values(config.runtime),
        }

    def record(self, job: Job[T, D]) -> dict[str, Any]:
        """The classes of the network."""
        return {"classes": job.data.label_set.classes}

    def modules(self, config: T) -> list[str]:
        """The modules of the terms, the network, its backbone and the optimizer, and those that all trainings use."""
        optimizer = OPTIMIZERS.module(config.optimizer.optimizer)
        objectives = [type(term.objective).__module__ for term in self.terms(config, epoch_iters=1)]
        return [*_ALWAYS, *self.network_modules(config), optimizer, *objectives]

    def network_modules(self, config: T) -> list[str]:
        """The modules of the network and of its backbone."""
        return [NETWORKS.module(config.model.network), BACKBONES.module(config.model.backbone)]

    def decisive(self, config: T, data: D) -> dict[str, Any]:
        """The settings that decide the weights, values computed from them, and digests of files that they name."""
        settings = {name: value for name, value in config.decisive().items() if name not in _KNOWN_OTHERWISE}
        epoch, weights = self.epoch_iters(config, data), backbone_file(config.model.weights)
        return settings | {
            "label_set": data.label_set.name,
            **{f"network {name}": value for name, value in config.model.architecture().items()},
            **data.label_tables(),
            "horizon": config.schedule.horizon(epoch),
            "stop": _stop(config, epoch),
            "weights": sha256_of(weights) if weights.is_file() else config.model.weights,
            **_divided_batch_norm(config),
        }

    def epoch_iters(self, config: T, data: D) -> int:
        """Iterations of an epoch: as set, or one pass over the last domain that is trained on."""
        images = len(data.trained[self.trains_on[-1]])
        return config.schedule.epoch_iters or math.ceil(images / config.optimizer.batch_size)

    def network(self, job: Job[T, D], checkpoint: Checkpoint | None) -> SegmentationNetwork:
        """The network from the run's own checkpoint, from the one that it starts from, or a new one."""
        device = prepare(job.config.runtime)
        precision = PRECISIONS[job.config.run.precision]
        if checkpoint is not None:
            return to_device(load_network(checkpoint, job.folder), device, precision)
        torch.manual_seed(job.config.run.seed)
        return to_device(self.first_network(job), device, precision)

    def first_network(self, job: Job[T, D]) -> SegmentationNetwork:
        """The network at step 0, on the CPU."""
        return build_model(job.config.model)

    def build(self, job: Job[T, D], network: SegmentationNetwork, positions: Mapping[str, int]) -> Training:
        """Terms, streams, callbacks and optimizer."""
        config, extension = job.config, self.extension(job, network, positions)
        device, epoch = next(network.parameters()).device, self.epoch_iters(job.config, job.data)
        precision = usable_precision(config.run.precision, device)
        streams = {role: domain_stream(job, role, device, positions.get(role, 0)) for role in self.trains_on}
        if config.runtime.nproc > 1 and config.runtime.sync_bn and not config.optimizer.freeze_bn:
            sync_batch_norms(network)
        state = State(
            model=network,
            optimizer=build_optimizer(network, config.optimizer),
            streams={**streams, **extension.streams},
            schedule=_schedule(config, epoch),
            scaling=Scaling(device, precision),
        )
        return Training(
            state=state,
            terms=[*self.informed_terms(job, epoch, device), *extension.terms],
            callbacks=self._callbacks(job, network, precision, extension),
            freeze_bn=config.optimizer.freeze_bn,
            precision=precision,
            clip_norm=config.optimizer.clip_norm,
            deterministic=config.runtime.deterministic,
            compile=config.runtime.compile,
            recompute=config.runtime.recompute,
        )

    def _callbacks(
        self, job: Job[T, D], network: SegmentationNetwork, precision: torch.dtype, extension: Extension
    ) -> dict[str, Callback]:
        """In the order of their calls: nothing is logged after a NaN, and a checkpoint includes what was logged."""
        monitor, data, reporter = job.config.monitor, job.data, job.reporter
        panel_images, folder = job.config.evaluation.panels, job.folder / schema.PANEL_FOLDER
        recalibration = (
            None if data.unlabelled.recalibration is None else Recalibration(data.unlabelled.recalibration, precision)
        )
        stateful = {
            **extension.callbacks,
            "means": LogMeans(monitor.log_every, reporter, extension.observed),
            "evaluate": Evaluate(
                network,
                scored_images(data.scored, data.checks, job.config.runtime),
                data.label_set,
                reporter,
                every=monitor.eval_every or self.epoch_iters(job.config, data),
                first="checkpoint" in job.starts,
                precision=precision,
                recalibration=recalibration,
                unlabelled=data.unlabelled.criteria,
                choose_by=monitor.choose_by,
            ),
        }
        about = self._about(job, network)
        return {
            "nan": StopOnNaN(),
            **stateful,
            "panels": Panels(network, data.scored, panel_images, folder, reporter, recalibration),
            "checkpoints": SaveCheckpoints(
                job.folder, reporter, stateful, about, monitor.checkpoint_every, monitor.checkpoint_minutes
            ),
            "bar": ProgressBar(self.name),
            **profile_of(job),
        }

    def _about(self, job: Job[T, D], network: SegmentationNetwork) -> About:
        """The description in a checkpoint, for stages that start from it or score it."""
        front, label_set = front_of(network), job.data.label_set
        description = NetworkAbout(
            model=network.config,
            label_set=label_set.name,
            classes=label_set.classes,
            palette=label_set.palette,
            front=None if front is None else front.about(),
        )
        return About(stage=self.name, group=job.group, settings=job.config.flat(), network=description)

    def scores(self, job: Job[T, D], training: Training) -> Mapping[str, float]:
        """The scores of the last evaluation; the final tables are uploaded."""
        evaluation = training.callback(Evaluate)
        for path in write_tables(evaluation.results, job.data.label_set, job.folder):
            job.reporter.file(path, schema.EVALUATION_FOLDER)
        return evaluation.results[schema.LAST].metrics(job.data.label_set)


def _copy(request: Request, role: str, name: str, content: str) -> Need:
    """The need for a styled copy of a domain, which stage stylize makes."""
    style_name = name.removeprefix(f"{Path(content).stem}_")
    return Need(
        setting=role, reference=None, request=request.for_style("stylize", content=content, style_name=style_name)
    )


def _schedule(config: TrainConfig, epoch_iters: int) -> Schedule:
    return Schedule(
        lr=lr_schedule(config.optimizer, config.schedule.horizon(epoch_iters)),
        stop=_stop(config, epoch_iters),
        epoch_iters=epoch_iters,
    )


def _divided_batch_norm(config: TrainConfig) -> dict[str, int]:
    """The number of processes, if it decides the weights: else they are those of one process, but for rounding."""
    is_divided = config.runtime.nproc > 1 and not config.runtime.sync_bn and not config.optimizer.freeze_bn
    return {"processes of BatchNorm": config.runtime.nproc} if is_divided else {}


def _stop(config: TrainConfig, epoch_iters: int) -> int:
    """Iteration after which the training ends."""
    stop, most = config.schedule.stop(epoch_iters), config.run.max_iters
    return stop if most is None else min(stop, most)


def _label_set(config: TrainConfig, data: DomainData) -> str:
    """The label set by name, or the file that describes it: a resumed run reads it again."""
    chosen = config.source.label_set
    return chosen if chosen is not None and is_domain_file(chosen) else data.label_set.name
