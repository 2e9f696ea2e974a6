"""The stage target_solo: like adapt, but from a certain epoch it trains on the target alone."""

from dataclasses import replace

from msl.config import TargetSoloConfig
from msl.inputs.domains import DomainData, open_data
from msl.stages.adapt import AdaptingStage
from msl.training import Term


class TargetSolo(AdaptingStage[TargetSoloConfig, DomainData]):
    """source → Supervised until epoch `target_solo_epoch`; target → Adaptation."""

    name = "target_solo"

    def open(self, config: TargetSoloConfig) -> DomainData:
        """Both domains, the target without its labels; raises as `open_data` does."""
        return open_data(config, self.trains_on)

    def terms(self, config: TargetSoloConfig, epoch_iters: int) -> list[Term]:
        """Those of adapt; the source's ends at epoch `target_solo_epoch`."""
        source, target = super().terms(config, epoch_iters)
        return [replace(source, stop=config.schedule.target_solo_epoch * epoch_iters), target]
