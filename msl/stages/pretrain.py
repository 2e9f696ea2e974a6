"""The stage pretrain: supervised training on the source. The target is only scored."""

from msl.config import PretrainConfig
from msl.inputs.domains import DomainData, open_data
from msl.schema import SOURCE
from msl.stages.segmentation import SegmentationStage
from msl.training import Term
from msl.training.objectives.supervised import Supervised


class Pretrain(SegmentationStage[PretrainConfig, DomainData]):
    """source → Supervised."""

    name = "pretrain"
    trains_on = (SOURCE,)

    def open(self, config: PretrainConfig) -> DomainData:
        """The source with its labels; raises as `open_data` does."""
        return open_data(config, self.trains_on)

    def terms(self, config: PretrainConfig, epoch_iters: int) -> list[Term]:
        """Supervision on the source."""
        return [Term(SOURCE, Supervised(config.objective.lambda_seg))]
