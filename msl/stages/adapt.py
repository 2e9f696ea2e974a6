"""The stage adapt: supervision on the source, the target objective on the target (Chen et al., ICCV 2019)."""

from typing import Generic, TypeVar

from msl.config import AdaptConfig
from msl.config.catalog import TARGET_OBJECTIVES
from msl.inputs.domains import DomainData, open_data
from msl.schema import SOURCE, TARGET
from msl.stages.started import StartedStage
from msl.training import Term
from msl.training.objectives.adaptation import Adaptation
from msl.training.objectives.supervised import Supervised

A = TypeVar("A", bound=AdaptConfig)
D = TypeVar("D", bound=DomainData)


class AdaptingStage(StartedStage[A, D], Generic[A, D]):
    """Any stage that adapts a pretrained network to the target by a target objective."""

    def modules(self, config: A) -> list[str]:
        """Also the module of the target objective."""
        return [*super().modules(config), TARGET_OBJECTIVES.module(config.adaptation.target_mode)]

    def terms(self, config: A, epoch_iters: int) -> list[Term]:
        """Supervision on the source, the target objective on the target."""
        weight = config.objective.lambda_seg
        return [Term(SOURCE, Supervised(weight)), Term(TARGET, Adaptation(config.adaptation, weight))]


class Adapt(AdaptingStage[AdaptConfig, DomainData]):
    """source → Supervised; target → Adaptation."""

    name = "adapt"

    def open(self, config: AdaptConfig) -> DomainData:
        """Both domains, the target without its labels; raises as `open_data` does."""
        return open_data(config, self.trains_on)
