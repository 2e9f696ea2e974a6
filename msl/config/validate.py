"""Settings of the check of data."""

from pydantic import Field

from msl.config.domains import FilesConfig
from msl.config.group import Group
from msl.config.stage import StageConfig


class ExaminedConfig(Group):
    """What is checked: of each domain every sample that a training would read."""

    source: str | None = Field("streets", description="Domain to check with its labels; none = no source.")
    target: str | None = Field("streets_real", description="Domain to check as targets are read: train has no labels.")
    split: str = Field("train,val", pattern=r"^\w+(,\w+)*$", description="Splits to check, with commas between.")
    label_set: str | None = Field(
        None, description="Classes to read labels in; none = the source's, without one the target's."
    )


class ValidateConfig(StageConfig):
    """A check of data without a training."""

    examined: ExaminedConfig = ExaminedConfig()
    files: FilesConfig = FilesConfig()
