"""The heading, unit and direction of every score, and of any other metric."""

from dataclasses import dataclass
from typing import Final

from msl.schema.metrics import (
    CONFIDENT_SHARE,
    CRITERIA_FOLDER,
    DOSE,
    FWIOU,
    GRADIENT_RATIO,
    IOU,
    LOSS_PREFIX,
    MIOU,
    MIOU_13,
    MIOU_RESIZED,
    MPA,
    PA,
    is_loss,
    parse_metric,
)

PERCENT: Final = "percent"


@dataclass(frozen=True)
class Score:
    """A number that an evaluation gives. Tables, curves, captions and rankings use these facts about it."""

    name: str  # in the run store, after the domain
    heading: str  # above a column and at an axis
    unit: str  # PERCENT, or the text after the number; "" for a number without a unit
    higher_is_better: bool
    source: str  # "module:attribute" of the msl.metrics.Metric that computes it
    is_headline: bool = True  # a column of every table and a curve of every report, wherever it is recorded
    always: bool = False  # every evaluation computes it; other scores only if the setting extra_metrics names them


_MATRIX = "msl.metrics.confusion"
SCORES: Final = (
    Score(MIOU, "mIoU", PERCENT, True, f"{_MATRIX}:MEAN_IOU", always=True),
    Score(FWIOU, "fwIoU", PERCENT, True, f"{_MATRIX}:FREQUENCY_WEIGHTED_IOU", always=True),
    Score(PA, "PA", PERCENT, True, f"{_MATRIX}:PIXEL_ACCURACY", always=True),
    Score(MPA, "MPA", PERCENT, True, f"{_MATRIX}:MEAN_PIXEL_ACCURACY", is_headline=False, always=True),
    Score(MIOU_RESIZED, "mIoU_resized", PERCENT, True, f"{_MATRIX}:MEAN_IOU_RESIZED", is_headline=False, always=True),
    Score(MIOU_13, "mIoU_13", PERCENT, True, f"{_MATRIX}:MEAN_IOU_13", is_headline=False, always=True),
    Score("ECE", "ECE", PERCENT, False, "msl.metrics.calibration:CALIBRATION_ERROR"),
)
# The name is followed by the class.
CLASS_IOU: Final = Score(IOU, "IoU", PERCENT, True, f"{_MATRIX}:ConfusionMatrix.iou", is_headline=False, always=True)
_CRITERIA = "msl.metrics.criteria"
# Of a network on unlabelled images.
CRITERIA: Final = tuple(
    Score(f"{CRITERIA_FOLDER}/{name}", name, unit, higher_is_better, f"{_CRITERIA}:{home}", is_headline=False)
    for name, unit, higher_is_better, home in (
        ("entropy", "nat", False, "Entropy"),
        ("information", "nat", True, "Information"),
        ("SND", "nat", True, "NeighbourhoodDensity"),
        ("MixVal", PERCENT, True, "MixedConsistency"),
        ("drift", "", False, "statistics_drift"),
    )
)

# The heading and unit of other numbers that curves show.
_HEADINGS: Final = {
    CONFIDENT_SHARE: ("confident pixels", PERCENT),
    DOSE: ("dose", ""),
    GRADIENT_RATIO: ("target to source gradient", ""),
}


def find_score(metric: str) -> Score | None:
    """The score of a metric, for any domain and checkpoint; None for a metric that is no score, such as a loss."""
    name = parse_metric(metric).name
    names = (name, name.partition("/")[0])
    return next((score for score in (*SCORES, *CRITERIA, CLASS_IOU) if score.name in names), None)


def heading(metric: str) -> str:
    """The words for a metric in a sentence or at an axis: ``target mIoU``, ``source loss``, ``best target PA``."""
    which, domain, name = parse_metric(metric)
    if name in _HEADINGS:
        name = _HEADINGS[name][0]
    elif name.startswith(LOSS_PREFIX):
        name = f"{name.removeprefix(LOSS_PREFIX).replace('_', ' ')} loss"
    elif known_score := find_score(metric):
        name = known_score.heading + name.removeprefix(known_score.name)
    return " ".join(part for part in (which, domain, name) if part)


def unit(metric: str) -> str:
    """Unit of a metric; "" for a number without one."""
    known_score = find_score(metric)
    return known_score.unit if known_score else _HEADINGS.get(parse_metric(metric).name, ("", ""))[1]


def higher_is_better(metric: str) -> bool | None:
    """Direction of a metric: that of its score, False for a loss, None for a metric that is neither good nor bad."""
    known_score = find_score(metric)
    return known_score.higher_is_better if known_score else False if is_loss(metric) else None
