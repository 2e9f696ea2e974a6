"""Settings of scoring, in training and in stage evaluate."""

from pathlib import Path
from typing import Literal

from pydantic import Field

from msl import schema
from msl.config.catalog import EXTRA_METRICS, ExtraMetrics
from msl.config.file import FileConfig
from msl.config.group import Group
from msl.config.run import ScoreRuntimeConfig
from msl.config.stage import StageConfig
from msl.config.values import Scales, Size


class ViewConfig(Group):
    """The views of an image that the network predicts."""

    eval_flip: bool = Field(False, description="Average the predictions for an image and its mirrored copy.")
    eval_scales: Scales = Field(
        (1.0,), description="Average the predictions at these multiples of the network's input size."
    )


class EvaluationConfig(ViewConfig):
    """How the network is scored, and which images are shown."""

    eval_images: int | None = Field(
        None, ge=1, description="Score at most this many images of each domain; none = all."
    )
    resize_labels: bool = Field(
        False,
        description="Score against ground truth that is resized to the network's input, as in the published code, "
        "instead of ground truth at full resolution.",
    )
    recalibrate: int | None = Field(
        None,
        ge=1,
        description="Before scoring, estimate BatchNorm's statistics on this many target training images, as stage bn "
        "does, so that all runs are compared alike; at least 200 are advisable. Training goes on with its own "
        "statistics. none = score with the statistics that training left.",
    )
    target_labels: Literal["scored"] | None = Field(
        "scored",
        description="What the target's labels are for: scored = scores on its split val; none = no label file of the "
        "target is opened, and their folder may be absent. Criteria need none.",
    )
    criteria_images: int = Field(
        32,
        ge=0,
        description="Unlabelled target images on which criteria are computed at every evaluation, spread evenly over "
        "split val: "
        f"{', '.join(criterion.heading for criterion in schema.CRITERIA)}; 0 = no criteria.",
    )
    extra_metrics: ExtraMetrics | None = Field(
        None,
        description="Further scores to compute, with commas between: "
        f"{', '.join(EXTRA_METRICS)}; none = only the usual scores.",
    )
    panels: int = Field(4, ge=0, le=64, description="Images of each domain in the panels of each evaluation.")


class ScoredConfig(Group):
    """The checkpoint and the domains that are scored."""

    checkpoint: str = Field(
        description="Weights to score: a file, runs:/ID for the run's best checkpoint, runs:/ID/checkpoints/last.pt, "
        "models:/NAME@ALIAS or models:/NAME/VERSION."
    )
    source: str | None = Field(
        "trained",
        description="Domain of the scores source/…; trained = that of the training; none = not scored.",
    )
    target: str | None = Field(
        "trained",
        description="Domain of the scores target/…; trained = that of the training; none = not scored.",
    )
    split: str = Field("val", description="Split of both domains.")
    crop_size: Size | None = Field(None, description="Width,height of the network's input; none = as trained.")
    target_crop_size: Size | None = Field(None, description="The same for target images; none = as trained.")
    precision: Literal["trained", "auto", "float32", "bfloat16", "float16"] = Field(
        "trained",
        description="Precision of the network's forward pass; trained = that of the training, or float32 if unknown.",
    )
    export: Path | None = Field(
        None,
        description="Folder on this machine for all predictions, as PNG files at full resolution with Cityscapes' "
        "labelIds; none = not written.",
    )


class EvaluateConfig(StageConfig):
    """Scores of a checkpoint."""

    scored: ScoredConfig
    file: FileConfig = FileConfig()
    evaluation: EvaluationConfig = EvaluationConfig()
    runtime: ScoreRuntimeConfig = ScoreRuntimeConfig()
