"""Settings of predictions and of packaged networks."""

import re
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator

from msl.config.evaluation import ViewConfig
from msl.config.file import FileConfig
from msl.config.group import Group
from msl.config.run import DeviceConfig
from msl.config.stage import StageConfig
from msl.config.values import Size


class InputConfig(ViewConfig):
    """The size of the network's input."""

    crop_size: Size | None = Field(
        None, description="Width,height of the network's input; none = that of target images in its training."
    )


class PredictedConfig(Group):
    """What to predict, and which files to write."""

    checkpoint: str = Field(
        description="Network to predict with: a file, runs:/ID for the run's best checkpoint, "
        "runs:/ID/checkpoints/last.pt, models:/NAME@ALIAS or models:/NAME/VERSION."
    )
    images: Path = Field(
        description="An image, a folder with images or video frames and its subfolders, or a pattern in quotes such as "
        "'frames/**/*.png'; files of labels are left out."
    )
    output: Path = Field(description="Folder for the results: labels, overlays, legend.png, predictions.csv.")
    ids: Literal["labelIds", "trainIds"] = Field(
        "labelIds",
        description="Numbers in the label PNGs: labelIds = those of Cityscapes, if it has all the classes; trainIds = "
        "those of the network, 0 for its first class.",
    )
    overlay: float | None = Field(
        0.5, gt=0, le=1, description="Opacity of the classes' colours over the image; none = no overlays."
    )
    confidence: Literal["mean", "map"] | None = Field(
        "mean",
        description="Probability of the predicted class: mean = an image's mean in predictions.csv; map = also a PNG "
        "of each image, in which 255 stands for 1; none = not computed.",
    )


class PredictConfig(StageConfig):
    """Predictions of a checkpoint for images without labels."""

    predicted: PredictedConfig
    file: FileConfig = FileConfig()
    input: InputConfig = InputConfig()
    device: DeviceConfig = DeviceConfig()


class PackagedConfig(Group):
    """The network that becomes an MLflow model, and the model's name."""

    checkpoint: str = Field(
        description="Network to package: a file, runs:/ID for the run's best checkpoint, "
        "runs:/ID/checkpoints/last.pt, models:/NAME@ALIAS or models:/NAME/VERSION."
    )
    name: str | None = Field(
        None,
        pattern=r"^[^/:]+$",
        description="Registered model that gets this as its next version; none = only logged to its run.",
    )
    alias: str | None = Field(
        None,
        pattern=r"^[A-Za-z][\w-]*$",
        description="Alias that moves to this version, such as champion; none = no alias.",
    )
    license: str | None = Field(
        None, description="License of the weights; none = the terms of their training data decide."
    )

    @model_validator(mode="after")
    def _only_versions_have_aliases(self) -> Self:
        if self.alias is not None and self.name is None:
            raise ValueError(f"alias = {self.alias} needs a registered model: pass name too")
        return self

    @model_validator(mode="after")
    def _aliases_are_no_versions(self) -> Self:
        if self.alias == "latest" or re.fullmatch(r"v\d+", self.alias or ""):
            raise ValueError(f"alias = {self.alias} is reserved by MLflow: choose another")
        return self


class PackageConfig(StageConfig):
    """A checkpoint as an MLflow model."""

    packaged: PackagedConfig
    file: FileConfig = FileConfig()
    input: InputConfig = InputConfig()
