"""Names of the files and folders of a run."""

from collections.abc import Iterable
from typing import Final

JOURNAL_FOLDER: Final = "journal"  # in the folder of a run on the machine that trains it
REQUEST_FILE: Final = "request.json"  # in the folder of a run on its machine, until the run is described
CONFIG_FILE: Final = "config.json"
ENVIRONMENT_FILE: Final = "environment.txt"
CHECKPOINT_FOLDER: Final = "checkpoints"
BEST_CHECKPOINT: Final = "best.pt"
LAST_CHECKPOINT: Final = "last.pt"
CHOSEN_CHECKPOINT: Final = "chosen.pt"
INCOMING_CHECKPOINT: Final = "last.next.pt"  # on the server while last.pt is uploaded
EVALUATION_FOLDER: Final = "evaluation"
PER_CLASS_FILE: Final = "per_class.csv"
CONFUSION_FILE: Final = "confusion.csv"
PANEL_FOLDER: Final = "panels"
PROFILE_FOLDER: Final = "profile"  # of the steps that the setting `profile` measures
PHASES_FILE: Final = "phases.csv"
OPERATIONS_FILE: Final = "operations.csv"
TRACE_FILE: Final = "trace.json.gz"
DATA_FOLDER: Final = "data"
SKIPPED_FILE: Final = "skipped.csv"  # samples left out of what is trained on or scored
VALIDATION_FOLDER: Final = "validation"  # of stage validate
PROBLEMS_FILE: Final = "problems.csv"
CLASSES_FILE: Final = "classes.csv"  # each class's share of a domain's pixels
STYLE_FOLDER: Final = "style"  # of stage stylize: its manifest, the copy's YAML file, pictures
REPORT_FILE: Final = "report.txt"
REPORT_FOLDER: Final = "report"  # of stage report
PREDICTION_FOLDER: Final = "predictions"  # of stage predict
PREDICTION_FILE: Final = "predictions.csv"
LEGEND_FILE: Final = "legend.png"  # the classes in their colours
MODEL: Final = "model"  # name of the MLflow model that stage package logs
ERROR_FOLDER: Final = "error"
TRACEBACK_FILE: Final = "traceback.txt"
CODE_FOLDER: Final = "code"
DIFF_FILE: Final = "diff.patch"


def artifact(parts: Iterable[str]) -> str:
    """Path of an artifact below the run's root."""
    return "/".join(parts)


def diff_file(attempt: int) -> str:
    """Name of the file with the uncommitted changes of a later start of a run."""
    return f"attempt_{attempt}.patch"
