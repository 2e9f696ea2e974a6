"""Settings of the objectives."""

from pydantic import Field

from msl.config.catalog import TargetMode
from msl.config.group import Group


class ObjectiveConfig(Group):
    """Settings that the objectives of source and target share."""

    lambda_seg: float = Field(0.1, ge=0, description="Weight of the second output's losses (with multi).")


class AdaptationConfig(Group):
    """The target objective."""

    target_mode: TargetMode = Field("maxsquare", description="Objective on unlabelled target images.")
    lambda_target: float = Field(0.1, ge=0, description="Weight of the target objective.")
    iw_ratio: float = Field(0.2, ge=0, le=1, description="Exponent r of the image-wise weights 1/(n^r S^(1-r)).")
    threshold: float = Field(0.95, ge=0, le=1, description="Lowest probability at which a pixel gets a label.")
