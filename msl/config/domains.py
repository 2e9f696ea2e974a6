"""Settings of the data: domains, image sizes, augmentation, and the folder of the files."""

from pathlib import Path

from pydantic import Field

from msl.config.group import Group
from msl.config.values import Size


class SourceConfig(Group):
    """The labelled domain, the classes, and the augmentation of both domains."""

    source: str = Field("streets", description="Labelled domain: a name or a YAML file.")
    label_set: str | None = Field(None, description="Classes to predict; none = those of the source domain.")
    crop_size: Size = Field((256, 128), description="Width,height in pixels to which source images are resized.")
    random_mirror: bool = Field(True, description="Mirror training images with probability 0.5.")
    gaussian_blur: bool = Field(
        True, description="Blur training images with probability 0.5, with a sigma of up to 1 pixel."
    )


class TargetConfig(Group):
    """The domain to adapt to. Its training labels are never read."""

    target: str | None = Field(
        "streets_real",
        description="Unlabelled domain: a name or a YAML file; none (only in pretraining) = no target is scored.",
    )
    target_crop_size: Size | None = Field(None, description="crop_size of target images; none = that of the source.")


class FilesConfig(Group):
    """Where data sets are on the machine."""

    data_root: Path | None = Field(None, description="Folder that holds the data sets; none = $MSL_DATA.")
