"""Settings of self-training. Their defaults are those of the papers: DACS (arXiv:2007.08702), DAFormer, MIC."""

from typing import Annotated, Literal

from pydantic import Field

from msl.config.choice import OnlyWith
from msl.config.group import Group
from msl.config.values import Size


class SelfTrainingConfig(Group):
    """The teacher, and the images on which the network learns from its labels."""

    lambda_mixed: float = Field(
        1.0, ge=0, description="Weight of the loss on mixed images; 0 = the twin, which learns from the source alone."
    )
    teacher_decay: float = Field(
        0.999, ge=0, lt=1, description="Largest share of its weights that the teacher keeps in a step."
    )
    pseudo_threshold: float = Field(
        0.968,
        ge=0,
        le=1,
        description="Probability from which the teacher is sure of a pixel. The share of sure pixels in a batch weighs "
        "all its pseudo-labels.",
    )
    jitter: float = Field(
        0.2, ge=0, le=0.5, description="Largest change of the colours of a mixed image, as a share; 0 = none."
    )
    jitter_share: float = Field(0.8, ge=0, le=1, description="Share of the mixed images with changed colours.")
    blur_share: float = Field(0.5, ge=0, le=1, description="Share of the mixed images that are blurred.")
    mix_crop: Size | None = Field(
        None,
        description="Width,height in pixels of random crops of the images of both domains, after they are resized to "
        "crop_size and target_crop_size; none = whole images, and the source is resized to the target's size.",
    )
    sampling: Literal["uniform", "rare_classes"] = Field(
        "uniform",
        description="Source images: each once in an epoch, or drawn so that those with rare classes come more often.",
    )
    rare_temperature: Annotated[float, OnlyWith("sampling", "rare_classes")] = Field(
        0.01, gt=0, description="T in P(c) = softmax((1 - share of class c) / T); a small one prefers rare classes."
    )
    rare_pixels: Annotated[int, OnlyWith("sampling", "rare_classes")] = Field(
        3000,
        ge=0,
        description="An image for class c has more pixels of it than this, in an image of 1914x1052; scaled by area.",
    )
    masking: Literal["none", "blocks"] = Field(
        "none", description="blocks = also learn the teacher's labels from target images with blocks left out (MIC)."
    )
    lambda_masked: Annotated[float, OnlyWith("masking", "blocks")] = Field(
        1.0, ge=0, description="Weight of the loss on images with blocks left out."
    )
    mask_block: Annotated[int, OnlyWith("masking", "blocks")] = Field(
        64, ge=1, description="Side of a block in pixels; 32 on small images."
    )
    mask_share: Annotated[float, OnlyWith("masking", "blocks")] = Field(
        0.7, ge=0, le=1, description="Probability with which a block is left out."
    )
