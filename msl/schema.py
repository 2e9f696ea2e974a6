"""Every name that a run is recorded with: metrics, parameters, tags and artifacts; and how the stored texts are read.

`msl.tracking` writes these names and `analysis` reads them; no other module contains them as text. The step of a metric
is the training iteration. `SCORES` gives the heading, unit and direction of every score; times are in seconds.
"""

import json
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final, NamedTuple

# Metrics --------------------------------------------------------------------------------------------------------

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

LOSS_PREFIX: Final = "loss/"
STYLE_PREFIX: Final = "style/"  # of the weighted losses of a style decoder
STYLE_CONTENT: Final = "style/content"
STYLE_STYLE: Final = "style/style"
STYLE_IDENTITY: Final = "style/identity"

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
    """A score of the finished run: `which` is BEST or LAST."""
    return f"{which}/{metric}"


class MetricName(NamedTuple):
    """The parts of a metric's name; each but the last may be empty."""

    which: str  # BEST or LAST, of a finished run's number
    domain: str  # SOURCE or TARGET, of a score
    name: str  # "mIoU", "IoU/road", "loss/source"


def parse_metric(metric: str) -> MetricName:
    """The parts of a name that `score`, `class_iou`, `loss` or `final` made; any other name is only `name`."""
    which, metric_of_domain = _cut(metric, (BEST, LAST))
    return MetricName(which, *_cut(metric_of_domain, DOMAINS))


def is_loss(metric: str) -> bool:
    """Whether a metric is a weighted part of what is minimised."""
    return parse_metric(metric).name.startswith((LOSS_PREFIX, STYLE_PREFIX))


def _cut(name: str, prefixes: Collection[str]) -> tuple[str, str]:
    prefix, _, suffix = name.partition("/")
    return (prefix, suffix) if prefix in prefixes else ("", name)


# Scores ---------------------------------------------------------------------------------------------------------

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


def find_score(metric: str) -> Score | None:
    """The score of a metric, for any domain and checkpoint; None for a metric that is no score, such as a loss."""
    name = parse_metric(metric).name.partition("/")[0]
    return next((score for score in (*SCORES, CLASS_IOU) if score.name == name), None)


def heading(metric: str) -> str:
    """The words for a metric in a sentence or at an axis: ``target mIoU``, ``source loss``, ``best target PA``."""
    which, domain, name = parse_metric(metric)
    if name.startswith(LOSS_PREFIX):
        name = f"{name.removeprefix(LOSS_PREFIX).replace('_', ' ')} loss"
    elif known_score := find_score(metric):
        name = known_score.heading + name.removeprefix(known_score.name)
    return " ".join(part for part in (which, domain, name) if part)


def unit(metric: str) -> str:
    """Unit of a metric: that of its score, or "" for any other metric."""
    known_score = find_score(metric)
    return known_score.unit if known_score else ""


def higher_is_better(metric: str) -> bool | None:
    """Direction of a metric: that of its score, False for a loss, None for a metric that is neither good nor bad."""
    known_score = find_score(metric)
    return known_score.higher_is_better if known_score else False if is_loss(metric) else None


# Parameters -----------------------------------------------------------------------------------------------------

# `mlflow run` logs the typed values with the plain names, as shell-quoted text; the resolved values need other names.
PARAM_PREFIX: Final = "cfg."
SEED: Final = "seed"


# Settings of training that older runs lack, and what those did.
ADDED_SETTINGS: Final[Mapping[str, str]] = {
    "optimizer": "sgd",
    "betas": "0.9,0.999",
    "eps": "1e-08",
    "decay_norms": "None",
    "clip_norm": "None",
    "warmup_iters": "0",
    "warmup_ratio": "1e-06",
}


def param(option: str) -> str:
    """Parameter that holds an option's resolved value."""
    return PARAM_PREFIX + option


# Tags -----------------------------------------------------------------------------------------------------------

STAGE: Final = "msl.stage"
RECIPE: Final = "msl.recipe"
GROUP: Final = "msl.group"
PARENT: Final = "msl.parent"
FINGERPRINT: Final = "msl.fingerprint"
DATA_SOURCE: Final = "msl.data.source"
DATA_TARGET: Final = "msl.data.target"
DATA_SKIPPED: Final = "msl.data.skipped"  # "gta5/train 87": domain, split, samples left out; absent if none were
DATA_STYLES: Final = {SOURCE: "msl.data.source.style", TARGET: "msl.data.target.style"}  # how a styled copy was made
STYLE_DECODER: Final = "msl.style.decoder"  # reference of the decoder in front of a network
CODE_COMMIT: Final = "msl.code.commit"
CODE_DIRTY: Final = "msl.code.dirty"
ATTEMPTS: Final = "msl.attempt"
HEARTBEAT: Final = "msl.heartbeat"
ERROR: Final = "msl.error"
STATUS: Final = "msl.status"  # how the run ended; `mlflow run` shows a killed run as failed
PROGRESS: Final = "msl.progress"  # the newest step of a run in progress
PREDICTIONS: Final = "msl.predictions"  # machine:folder into which every prediction was written
IMAGES: Final = "msl.images"  # machine:path of what was predicted
CHECKPOINT: Final = "msl.checkpoint"  # of an MLflow model: the file that it was made from
CHECKPOINT_DIGEST: Final = "msl.checkpoint.sha256"
LICENSE: Final = "msl.license"  # of an MLflow model's weights
MODEL_URI: Final = "msl.model"  # of stage package: where the MLflow model is
KEEP: Final = "msl.keep"  # with any value: no clean-up deletes files of this run
CLEANED: Final = "msl.cleaned"  # when a clean-up deleted this run's checkpoints and panels
IMPORTED: Final = "msl.imported"  # the run's ID in the store that it was exported from
IMPORT_COMPLETE: Final = "msl.import_complete"
MLFLOW_PARENT: Final = "mlflow.parentRunId"  # MLflow's own: the run that started this one

# MLflow's own words for the state of a run.
RUNNING: Final = "RUNNING"
FINISHED: Final = "FINISHED"
FAILED: Final = "FAILED"
KILLED: Final = "KILLED"
HEARTBEAT_EVERY_S: Final = 30.0


@dataclass(frozen=True)
class DataTag:
    """The data of a run: the text of the tags DATA_SOURCE and DATA_TARGET."""

    name: str
    split: str
    digest: str  # of the content

    def __str__(self) -> str:
        return f"{self.name}/{self.split}@{self.digest}"

    @classmethod
    def parse(cls, text: str) -> "DataTag | None":
        """The data that a tag names; None if it names no data."""
        match = re.fullmatch(r"(?P<name>.*)/(?P<split>[^/]*)@(?P<digest>\w*)", text, re.DOTALL)
        return cls(**match.groupdict()) if match else None


# Artifacts ------------------------------------------------------------------------------------------------------

JOURNAL_FOLDER: Final = "journal"  # in the folder of a run on the machine that trains it
CONFIG_FILE: Final = "config.json"
ENVIRONMENT_FILE: Final = "environment.txt"
CHECKPOINT_FOLDER: Final = "checkpoints"
BEST_CHECKPOINT: Final = "best.pt"
LAST_CHECKPOINT: Final = "last.pt"
EVALUATION_FOLDER: Final = "evaluation"
PER_CLASS_FILE: Final = "per_class.csv"
CONFUSION_FILE: Final = "confusion.csv"
PANEL_FOLDER: Final = "panels"
DATA_FOLDER: Final = "data"
SKIPPED_FILE: Final = "skipped.csv"  # samples left out of what is trained on or scored
VALIDATION_FOLDER: Final = "validation"  # of stage validate
PROBLEMS_FILE: Final = "problems.csv"
STYLE_FOLDER: Final = "style"  # of stage stylize: its manifest, the copy's YAML file, pictures
REPORT_FILE: Final = "report.txt"
REPORT_FOLDER: Final = "report"  # of stage report
PREDICTION_FOLDER: Final = "predictions"  # of stage predict
PREDICTION_FILE: Final = "predictions.csv"
MODEL: Final = "model"  # name of the MLflow model that stage package logs
CODE_FOLDER: Final = "code"
DIFF_FILE: Final = "diff.patch"


def artifact(parts: Iterable[str]) -> str:
    """Path of an artifact below the run's root."""
    return "/".join(parts)


# Panels: for each picture in PANEL_FOLDER, a JSON file with the same stem describes the picture ------------------

Colour = tuple[int, int, int]  # red, green, blue
PANEL_KINDS: Final = ("image", "label", "prediction")


@dataclass(frozen=True)
class PanelRow:
    """A sample of a panel. Pixels from the top of the picture."""

    sample: str
    top: int
    height: int


@dataclass(frozen=True)
class PanelColumn:
    """What a panel shows of every sample. Pixels from the left of the picture."""

    kind: str  # one of PANEL_KINDS
    left: int
    width: int


@dataclass(frozen=True)
class PanelLayout:
    """The rows and columns of a panel, and the meaning of its colours."""

    rows: tuple[PanelRow, ...]
    columns: tuple[PanelColumn, ...]
    classes: Mapping[str, Colour]  # those that occur in its labels and predictions

    def to_json(self) -> str:
        """The content of the file beside the picture."""
        return json.dumps(asdict(self), indent=1)

    @classmethod
    def from_json(cls, text: str | bytes) -> "PanelLayout":
        """The layout that such a file describes.

        Raises:
            ValueError: the text is not JSON, or a field is missing or wrong.
        """
        try:
            content: dict[str, Any] = json.loads(text)
            rows = tuple(PanelRow(str(r["sample"]), int(r["top"]), int(r["height"])) for r in content["rows"])
            columns = tuple(PanelColumn(str(c["kind"]), int(c["left"]), int(c["width"])) for c in content["columns"])
            colours = {name: (int(r), int(g), int(b)) for name, (r, g, b) in content["classes"].items()}
            return cls(rows, columns, colours)
        except (AttributeError, KeyError, TypeError) as error:
            raise ValueError(f"this is not the description of a panel: {error!r}") from error


def panel_stem(role: str, step: int) -> str:
    """File name, without its ending, of the panel of a role after a step."""
    return f"{role}_{step:06d}"


def parse_panel_stem(stem: str) -> tuple[str, int] | None:
    """Role and step of such a name; None for any other name."""
    role, _, step = stem.rpartition("_")
    return (role, int(step)) if role and step.isdecimal() else None
