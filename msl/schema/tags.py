"""Names of tags, and the text of those that name data."""

import re
from dataclasses import dataclass
from typing import Final

from msl.schema.metrics import SOURCE, TARGET

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
CODE_VERSION: Final = "msl.code.version"  # of an installed package, with a digest of its files
CODE_DIGEST: Final = "msl.code.digest"  # of the modules that decide the result of a training
FORCED: Final = "msl.forced"  # number of the start that went on with other code
ATTEMPTS: Final = "msl.attempt"
HEARTBEAT: Final = "msl.heartbeat"
ERROR: Final = "msl.error"
LEASE: Final = "msl.lease"  # which process may train the run, and until when
CREATION: Final = "msl.creation"  # of the request that made the run, so that a repeated one makes no second run
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
SYNCED: Final = "msl.synced"  # in the store of an offline run: its ID on the tracking server, as soon as it is there
ADOPTED: Final = "msl.adopted"  # in the store of an offline run: the run that `mlflow run` made for it on the server
STUDY: Final = "msl.study"  # of the parent run of a study: its name
STUDY_NODE: Final = "msl.study.node"  # of a run of a study: its place in the plan
SWEEP_METRIC: Final = "msl.sweep.metric"  # of the parent run of a sweep: the score by which settings are chosen
SWEEP_ORACLE: Final = "msl.sweep.oracle"  # true: that score needs target labels
STUDY_PLACE: Final = "MSL_STUDY_PLACE"  # environment variable: ID of a study's parent run, a slash, a place in the plan
MLFLOW_PARENT: Final = "mlflow.parentRunId"  # MLflow's own: the run that started this one
MLFLOW_RUN: Final = "MLFLOW_RUN_ID"  # MLflow's own environment variable: the run that `mlflow run` has made

# MLflow's own words for the state of a run.
RUNNING: Final = "RUNNING"
FINISHED: Final = "FINISHED"
FAILED: Final = "FAILED"
KILLED: Final = "KILLED"
HEARTBEAT_EVERY_S: Final = 30.0
SILENT_S: Final = 600.0  # a run in progress without a sign of life for so long counts as dead


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
