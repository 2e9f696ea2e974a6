"""Every name under which a run is recorded: metrics, parameters, tags and artifacts.

`msl.tracking` writes them and `analysis` reads them; nothing else spells them out. Metrics are in percent where
they are scores and in seconds where they are times, and their step is the training iteration.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

# Metrics --------------------------------------------------------------------------------------------------------

SOURCE: Final = "source"
TARGET: Final = "target"
DOMAINS: Final = (SOURCE, TARGET)

MIOU: Final = "mIoU"  # ground truth at its full resolution, as everybody scores
MIOU_RESIZED: Final = "mIoU_resized"  # ground truth resized to the network's input, as the published code scores
MIOU_13: Final = "mIoU_13"  # of the 13 classes that SYNTHIA's other protocol keeps, from a network of 16
FWIOU: Final = "fwIoU"
PA: Final = "PA"
MPA: Final = "MPA"
IOU: Final = "IoU"  # of one class

BEST: Final = "best"  # the evaluation with the highest target mIoU: an oracle choice, it looks at target labels
LAST: Final = "last"  # the evaluation after the last step

STYLE_CONTENT: Final = "style/content"  # weighted losses of a style decoder
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
ATTEMPT: Final = "attempt"  # value n at the step resumed from; rows logged before it at later steps are superseded


def score(domain: str, name: str) -> str:
    """Metric of one domain: ``score("target", "mIoU")`` is ``target/mIoU``."""
    return f"{domain}/{name}"


def class_iou(domain: str, class_name: str) -> str:
    """Metric of one class. MLflow's metric names allow spaces, so class names stay as they are."""
    return f"{domain}/{IOU}/{class_name}"


def loss(part: str) -> str:
    """Metric of one weighted part of an objective: ``source target source_aux target_aux``; a decoder's is as it is."""
    return part if part in (STYLE_CONTENT, STYLE_STYLE, STYLE_IDENTITY) else f"loss/{part}"


def final(which: str, metric: str) -> str:
    """A score of the finished run: `which` is BEST or LAST."""
    return f"{which}/{metric}"


# Scores ---------------------------------------------------------------------------------------------------------

PERCENT: Final = "percent"


@dataclass(frozen=True)
class Score:
    """A number that an evaluation gives. Tables, curves, captions and rankings take what they say of it from here."""

    name: str  # in the run store, behind the domain
    heading: str  # above a column and at an axis
    unit: str  # PERCENT, or what stands behind the number; "" for a number without a unit
    higher_is_better: bool
    source: str  # "module:attribute" of the msl.metrics.Metric that computes it
    is_headline: bool = True  # a column of every table and a curve of every report, wherever it is recorded
    always: bool = False  # given by every evaluation; any other only where the setting extra_metrics names it


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


# Parameters -----------------------------------------------------------------------------------------------------

# `mlflow run` logs what was typed under the bare names, as shell-quoted text; the resolved values need their own.
PARAM_PREFIX: Final = "cfg."
SEED: Final = "seed"


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
PREDICTIONS: Final = "msl.predictions"  # machine:folder into which every prediction was written
IMAGES: Final = "msl.images"  # machine:path of what was predicted
CHECKPOINT: Final = "msl.checkpoint"  # of an MLflow model: the file that it was made from
CHECKPOINT_DIGEST: Final = "msl.checkpoint.sha256"
LICENSE: Final = "msl.license"  # of an MLflow model's weights
MODEL_URI: Final = "msl.model"  # of stage package: where the MLflow model is
KEEP: Final = "msl.keep"  # whatever its value: no clean-up takes anything of this run
CLEANED: Final = "msl.cleaned"  # when a clean-up took this run's checkpoints and panels
IMPORTED: Final = "msl.imported"  # the ID that a run had in the store that it was exported from
IMPORT_COMPLETE: Final = "msl.import_complete"

# Artifacts ------------------------------------------------------------------------------------------------------

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
