"""Settings of the objectives."""

from typing import Annotated, Literal

from pydantic import Field

from msl.config.catalog import TargetMode
from msl.config.choice import OnlyWith
from msl.config.group import Group


class ObjectiveConfig(Group):
    """Settings that the objectives of source and target share."""

    lambda_seg: float = Field(0.1, ge=0, description="Weight of the second output's losses (with multi).")


class AdaptationConfig(Group):
    """The target objective."""

    target_mode: TargetMode = Field("maxsquare", description="Objective on unlabelled target images.")
    lambda_target: float = Field(0.1, ge=0, description="Weight of the target objective.")
    iw_ratio: float = Field(0.2, ge=0, le=1, description="Exponent r of the image-wise weights 1/(n^r S^(1-r)).")
    prior: Literal["none", "source", "uniform"] = Field(
        "none",
        description="Prior on the classes of target images: how often each occurs in the source, or all alike. The "
        "objective then has prior_weight * KL(prior || mean prediction) added to it.",
    )
    prior_weight: Annotated[float, OnlyWith("prior", "source", "uniform")] = Field(
        1.0, ge=0, description="Weight of the prior, as a multiple of lambda_target."
    )
    trained_weights: Literal["all", "bn_affine"] = Field(
        "all", description="Weights that are trained: all, or the scales and shifts of BatchNorm alone (Tent)."
    )
    threshold: float = Field(0.95, ge=0, le=1, description="Lowest probability at which a pixel gets a label.")
