"""Settings of scoring, in training and by itself."""

from pathlib import Path

from pydantic import Field

from msl.config.catalog import EXTRA_METRICS, ExtraMetrics
from msl.config.group import Group
from msl.config.run import RuntimeConfig
from msl.config.stage import StageConfig
from msl.config.values import Scales, Size


class ViewConfig(Group):
    """How often, and how, the network looks at an image."""

    eval_flip: bool = Field(False, description="Average the predictions for an image and its mirrored copy.")
    eval_scales: Scales = Field(
        (1.0,), description="Average the predictions at these multiples of the network's input size."
    )


class EvaluationConfig(ViewConfig):
    """How the network is scored and what is shown."""

    eval_images: int | None = Field(None, ge=1, description="Score at most so many images a domain; none = all.")
    resize_labels: bool = Field(
        False,
        description="Score against ground truth resized to the network's input, as the published code does, and not at "
        "its full resolution.",
    )
    extra_metrics: ExtraMetrics | None = Field(
        None,
        description="Scores computed besides the usual ones, with commas between, out of "
        f"{', '.join(EXTRA_METRICS)}; none = no others.",
    )
    panels: int = Field(4, ge=0, le=64, description="Images a domain in the panels of each evaluation.")


class ScoredConfig(Group):
    """What is scored."""

    checkpoint: str = Field(description="Weights to score: a file or runs:/ID/checkpoints/best.pt.")
    source: str | None = Field("trained", description="Domain scored as source/…; trained = the one trained on.")
    target: str | None = Field("trained", description="Domain scored as target/…; none = not scored.")
    split: str = Field("val", description="Split of both domains.")
    crop_size: Size | None = Field(None, description="Width,height of the network's input; none = as trained.")
    target_crop_size: Size | None = Field(None, description="The same for target images; none = as trained.")
    export: Path | None = Field(
        None,
        description="Folder on this machine for every prediction at full resolution, as PNG of Cityscapes' labelIds; "
        "none = not written.",
    )


class EvaluateConfig(StageConfig):
    """Scores of a checkpoint."""

    scored: ScoredConfig
    evaluation: EvaluationConfig = EvaluationConfig()
    runtime: RuntimeConfig = RuntimeConfig()
