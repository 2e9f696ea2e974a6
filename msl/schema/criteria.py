"""Criteria that choose a network without target labels, by the names that settings give them."""

from typing import Final

from msl.schema.metrics import MIOU, SOURCE, TARGET, score
from msl.schema.scores import CRITERIA

SOURCE_RISK: Final = "source_risk"  # the source's mIoU, which every evaluation has

# By the name of a criterion: the metric whose best value chooses.
CRITERION_METRICS: Final = {
    SOURCE_RISK: score(SOURCE, MIOU),
    **{criterion.name.partition("/")[2]: score(TARGET, criterion.name) for criterion in CRITERIA},
}


def criterion(name: str) -> str:
    """Metric of a criterion: ``criterion("SND")`` is ``target/criteria/SND``."""
    return CRITERION_METRICS[name]
