"""The common part of all stages that go on from a pretrained network."""

from collections.abc import Collection, Mapping
from typing import Any, ClassVar, Generic, TypeVar

from msl.checkpoints import about_network, load_network, refuse_other_classes
from msl.checkpoints.start import network_with_new_head, open_settings, refuse_typed, settings_from_file
from msl.config import StartedConfig
from msl.data import open_domain
from msl.inputs.domains import DomainData
from msl.models import SegmentationNetwork
from msl.models.devices import check_device
from msl.recipes import Request
from msl.schema import SOURCE, TARGET
from msl.stages.segmentation import Extension, SegmentationStage
from msl.stages.stage import Job, Need, Start
from msl.training.callbacks import LogGradientRatio

S = TypeVar("S", bound=StartedConfig)
D = TypeVar("D", bound=DomainData)


class StartedStage(SegmentationStage[S, D], Generic[S, D]):
    """Any stage that goes on from a pretrained network, on both domains."""

    trains_on: ClassVar[tuple[str, ...]] = (SOURCE, TARGET)

    def needs(self, request: Request, config: S) -> list[Need]:
        """A pretrained network.

        Its last checkpoint, not its best one: to choose the best, the target's labels were used.
        """
        parent = Need(setting="checkpoint", reference=config.start.checkpoint, request=request.for_parent("pretrain"))
        return [*super().needs(request, config), parent]

    def check(self, request: Request, starts: Mapping[str, Start]) -> None:
        """The device, and whether the checkpoint's network and classes fit, or else the weights of the parent stage."""
        config: Any = request.settings
        if "checkpoint" in starts:
            check_device(config)
            self._check_start(request, config, starts)
        elif config.model.weights == "imagenet":  # a finished parent does not need them, so they may be missing
            check_device(config)
        else:
            super().check(request, starts)

    def _check_start(self, request: Request, config: S, starts: Mapping[str, Start]) -> None:
        start, name, typed = starts["checkpoint"], config.source.source, request.overrides
        checkpoint, is_new = start.checkpoint(open_settings(config.model, typed)), config.start.head == "new"
        refuse_typed(checkpoint, start.reference, config.model, typed, is_new)
        if not is_new:
            real_name = request.base.styled.get(name, name)
            data = open_domain(real_name, config.runtime.data_root, label_set=config.source.label_set)
            refuse_other_classes(about_network(checkpoint, start.reference), start.reference, data.label_set.classes)

    def values_from_starts(self, config: S, starts: Mapping[str, Start], typed: Collection[str]) -> dict[str, Any]:
        """The settings of the checkpoint's network that nobody typed."""
        start = starts["checkpoint"]
        checkpoint = start.checkpoint(open_settings(config.model, typed))
        is_new = config.start.head == "new"
        return settings_from_file(checkpoint, start.reference, config.model, typed, is_new)

    def decisive(self, config: S, data: D) -> dict[str, Any]:
        """Without `head` if it has the value that older versions had no name for."""
        settings = super().decisive(config, data)
        return settings if config.start.head == "new" else {k: v for k, v in settings.items() if k != "head"}

    def first_network(self, job: Job[S, D]) -> SegmentationNetwork:
        """The network of the checkpoint, on the CPU; with head = new, a new head on its backbone."""
        config, start, classes = job.config, job.starts["checkpoint"], job.data.label_set.classes
        checkpoint = start.checkpoint(config.model)
        if config.start.head == "new":
            return network_with_new_head(checkpoint, start.reference, config.model)
        return load_network(checkpoint, start.reference, config.model, classes)

    def extension(self, job: Job[S, D], network: SegmentationNetwork, positions: Mapping[str, int]) -> Extension:
        """The ratio of the gradients is logged."""
        return Extension(callbacks={"gradients": LogGradientRatio(job.config.monitor.log_every, job.reporter)})
