"""The stage bn: BatchNorm's statistics on target training images, without a training step.

That part of an adaptation's gain costs no objective (Li et al., *Revisiting Batch Normalization For Practical Domain
Adaptation*, arXiv:1603.04779). Only a network with these statistics shows what the steps of an adaptation add.
"""

from typing import Any

from msl.config import BnConfig
from msl.errors import ConfigError
from msl.inputs.domains import DomainData, open_data
from msl.models import SegmentationNetwork
from msl.models.batch_norm import batch_norms
from msl.models.precision import usable_precision
from msl.schema import TARGET
from msl.scoring.unlabelled import UnlabelledImages
from msl.stages.segmentation import Extension
from msl.stages.stage import Job
from msl.stages.started import StartedStage
from msl.training import Term
from msl.training.callbacks import EstimateStatistics


class Bn(StartedStage[BnConfig, DomainData]):
    """No term: the training is finished before its first step."""

    name = "bn"
    trains_on = (TARGET,)

    def open(self, config: BnConfig) -> DomainData:
        """Both domains, the target without its labels; raises as `open_data` does."""
        return open_data(config, self.trains_on)

    def values_from_data(self, config: BnConfig, data: DomainData) -> dict[str, Any]:
        """Without the length of an epoch: there is none."""
        values = super().values_from_data(config, data)
        return {name: value for name, value in values.items() if name != "epoch_iters"}

    def modules(self, config: BnConfig) -> list[str]:
        """The modules of the network, and the one that estimates the statistics."""
        return [*self.network_modules(config), "msl.models.build", "msl.scoring.recalibration"]

    def terms(self, config: BnConfig, epoch_iters: int) -> list[Term]:
        """None."""
        return []

    def extension(self, job: Job[BnConfig, DomainData], network: SegmentationNetwork, positions: Any) -> Extension:
        """The estimation, before the network is scored.

        Raises:
            ConfigError: the network has no BatchNorm.
        """
        config, data = job.config, job.data
        if next(batch_norms(network), None) is None:
            raise ConfigError(
                f"backbone = {config.model.backbone} with network = {config.model.network} has no BatchNorm, so stage "
                "bn would change nothing: leave it out"
            )
        images = UnlabelledImages(
            domain=data.trained[TARGET],
            size=data.sizes[TARGET],
            count=config.statistics.bn_images,
            num_workers=config.runtime.num_workers,
        )
        precision = usable_precision(config.run.precision, next(network.parameters()).device)
        estimate = EstimateStatistics(network, images, precision)
        return Extension(callbacks={"statistics": estimate})
