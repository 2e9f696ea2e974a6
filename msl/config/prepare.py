"""Settings of the command prepare."""

from pathlib import Path

from pydantic import Field

from msl.config.group import Group
from msl.config.run import CopiesConfig
from msl.config.stage import StageConfig
from msl.config.values import Size


class PreparedDataConfig(Group):
    """The domains and sizes of which copies are prepared: those of a training."""

    source: str = Field("streets", description="Labelled domain: a name or a YAML file.")
    target: str | None = Field("streets_real", description="Domain to adapt to; none = no target.")
    label_set: str | None = Field(None, description="Classes to predict; none = those of the source domain.")
    crop_size: Size = Field((256, 128), description="Width,height in pixels to which source images are resized.")
    target_crop_size: Size | None = Field(None, description="crop_size of target images; none = that of the source.")
    random_mirror: bool = Field(True, description="Whether the training mirrors images.")


class RequiredCopiesConfig(CopiesConfig):
    """Copies of images and labels that are resized once."""

    cache: Path = Field(description="Folder for the copies: a training with the same value of cache reads them.")


class PrepareConfig(StageConfig):
    """Copies that are made before a training needs them."""

    prepared: PreparedDataConfig = PreparedDataConfig()
    runtime: RequiredCopiesConfig
