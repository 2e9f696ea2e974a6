"""The training stages. Each is a list of terms on the domains' streams; one loop trains them all."""

from msl.config import AdaptConfig, PretrainConfig, TargetSoloConfig, TrainConfig
from msl.recipes import Request
from msl.schema import SOURCE, TARGET
from msl.stages.assembly import Plan
from msl.stages.course import run
from msl.stages.runs import Outcome
from msl.training import Term
from msl.training.objectives.adaptation import Adaptation
from msl.training.objectives.supervised import Supervised


def pretrain(request: Request) -> Outcome:
    """Supervised training on the source; the target is only scored."""
    return run(request, PRETRAIN)


def adapt(request: Request) -> Outcome:
    """Source and target together (Chen et al., ICCV 2019): supervision on one, the target objective on the other."""
    return run(request, ADAPT)


def target_solo(request: Request) -> Outcome:
    """As `adapt`, but from epoch `target_solo_epoch` on the target alone."""
    return run(request, TARGET_SOLO)


def _on_source(config: TrainConfig, stop: int | None = None) -> Term:
    return Term(SOURCE, Supervised(config.objective.lambda_seg), stop=stop)


def _on_target(config: AdaptConfig) -> Term:
    return Term(TARGET, Adaptation(config.adaptation, config.objective.lambda_seg))


def _pretrain_terms(config: PretrainConfig, epoch_iters: int) -> list[Term]:
    return [_on_source(config)]


def adapt_terms(config: AdaptConfig, epoch_iters: int) -> list[Term]:
    """Supervision on the source, the target objective on the target."""
    return [_on_source(config), _on_target(config)]


def _target_solo_terms(config: TargetSoloConfig, epoch_iters: int) -> list[Term]:
    return [_on_source(config, stop=config.schedule.target_solo_epoch * epoch_iters), _on_target(config)]


PRETRAIN = Plan(stage="pretrain", trains_on=(SOURCE,), terms=_pretrain_terms)
ADAPT = Plan(stage="adapt", trains_on=(SOURCE, TARGET), terms=adapt_terms, parent=PRETRAIN)
TARGET_SOLO = Plan(
    stage="target_solo",
    trains_on=(SOURCE, TARGET),
    terms=_target_solo_terms,
    parent=PRETRAIN,
)
