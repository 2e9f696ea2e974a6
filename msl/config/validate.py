"""Settings of stage validate."""

from pathlib import Path

from pydantic import Field

from msl.config.domains import FilesConfig
from msl.config.group import Group
from msl.config.stage import StageConfig


class ExaminedConfig(Group):
    """The domains to check: every sample that a training would read."""

    source: str | None = Field("streets", description="Domain to check with its labels; none = no source.")
    target: str | None = Field(
        "streets_real",
        description="Domain to check as a target, whose split train is read without labels; none = no target.",
    )
    split: str = Field("train,val", pattern=r"^\w+(,\w+)*$", description="Splits to check, with commas between.")
    label_set: str | None = Field(
        None,
        description="Classes in which labels are read; none = those of the source, or of the target if there is no "
        "source.",
    )
    output: Path = Field(
        Path("validation"), description="Folder for what is drawn: a contact sheet of each domain, classes.csv."
    )


class ValidateConfig(StageConfig):
    """A check of data without a training."""

    examined: ExaminedConfig = ExaminedConfig()
    files: FilesConfig = FilesConfig()
