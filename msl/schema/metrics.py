"""Names of metrics: how they are made, and how they are read. The step of a metric is the training iteration."""

from collections.abc import Collection
from typing import Final, NamedTuple

SOURCE: Final = "source"
TARGET: Final = "target"
DOMAINS: Final = (SOURCE, TARGET)

MIOU: Final = "mIoU"  # ground truth at its full resolution, as is usual
MIOU_RESIZED: Final = "mIoU_resized"  # ground truth resized to the network's input, as the published code scores
MIOU_13: Final = "mIoU_13"  # over the 13 classes of SYNTHIA's other protocol, from a network with 16
FWIOU: Final = "fwIoU"
PA: Final = "PA"
MPA: Final = "MPA"
IOU: Final = "IoU"  # of one class

BEST: Final = "best"  # the evaluation with the highest target mIoU: an oracle choice, it looks at target labels
LAST: Final = "last"  # the evaluation after the last step
CHOSEN: Final = "chosen"  # the evaluation that a criterion without target labels chooses
CHECKPOINTS: Final = (LAST, CHOSEN, BEST)

CRITERIA_FOLDER: Final = "criteria"  # in a criterion's name, after its domain

LOSS_PREFIX: Final = "loss/"
STYLE_PREFIX: Final = "style/"  # of the weighted losses of a style decoder
STYLE_CONTENT: Final = "style/content"
STYLE_STYLE: Final = "style/style"
STYLE_IDENTITY: Final = "style/identity"

DOSE: Final = "adaptation/dose"  # λ · Σ lr_t
GRADIENT_RATIO: Final = "adaptation/gradient_ratio"  # of the norms of the gradients, target to source
CONFIDENT_SHARE: Final = "self_train/confident_share"  # of target pixels; it weighs the teacher's labels

LR: Final = "lr"
EPOCH: Final = "epoch"
IMAGES_PER_S: Final = "speed/images_per_s"
STEP_S: Final = "speed/step_s"
DATA_WAIT_S: Final = "speed/data_wait_s"
MEMORY: Final = "memory/peak_mb"
PREDICTED: Final = "predicted/images"  # of stage predict
UNUSABLE: Final = "predicted/unusable"  # images that could not be read
CONFIDENCE: Final = "predicted/confidence"  # probability of the predicted class, mean over images, percent
ATTEMPT: Final = "attempt"  # value n at the step of the n-th start; earlier rows of later steps are superseded


def score(domain: str, name: str) -> str:
    """Metric of one domain: ``score("target", "mIoU")`` is ``target/mIoU``."""
    return f"{domain}/{name}"


def class_iou(domain: str, class_name: str) -> str:
    """Metric of one class. MLflow's metric names allow spaces, so class names stay as they are."""
    return f"{domain}/{IOU}/{class_name}"


def loss(part: str) -> str:
    """Metric of one weighted part of an objective: ``source target source_aux target_aux``; a decoder's name stays."""
    return part if part in (STYLE_CONTENT, STYLE_STYLE, STYLE_IDENTITY) else LOSS_PREFIX + part


def final(which: str, metric: str) -> str:
    """A score of the finished run: `which` is one of CHECKPOINTS."""
    return f"{which}/{metric}"


class MetricName(NamedTuple):
    """The parts of a metric's name; each but the last may be empty."""

    which: str  # one of CHECKPOINTS, of a finished run's number
    domain: str  # SOURCE or TARGET, of a score
    name: str  # "mIoU", "IoU/road", "loss/source"


def parse_metric(metric: str) -> MetricName:
    """The parts of a name that `score`, `class_iou`, `loss` or `final` made; any other name is only `name`."""
    which, metric_of_domain = _cut(metric, CHECKPOINTS)
    return MetricName(which, *_cut(metric_of_domain, DOMAINS))


def is_loss(metric: str) -> bool:
    """Whether a metric is a weighted part of what is minimised."""
    return parse_metric(metric).name.startswith((LOSS_PREFIX, STYLE_PREFIX))


def _cut(name: str, prefixes: Collection[str]) -> tuple[str, str]:
    prefix, _, suffix = name.partition("/")
    return (prefix, suffix) if prefix in prefixes else ("", name)
