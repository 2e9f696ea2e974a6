"""Settings of the segmentation network."""

from typing import Any, Self

from pydantic import Field, model_validator

from msl.config.abilities import abilities_of, backbones_with
from msl.config.catalog import BackboneName, NetworkName, PreprocessingName
from msl.config.group import Group
from msl.config.values import Dilations, Stride

_COMMON = {  # by what only some backbones can do: the setting, and its value that all take
    "width": ("width", "1"),
    "caffe_bgr": ("preprocessing", "none"),
    "bn_affine": ("bn_affine", "none"),
}


class ModelConfig(Group):
    """The segmentation network. `num_classes` follows from the label set and is no option."""

    network: NetworkName = Field("deeplabv2", description="Segmentation network on top of the backbone.")
    backbone: BackboneName = Field(
        "mobilenet_v2", description="Feature extractor; timm:NAME = one of timm's, with the extra msl[timm]."
    )
    width: float = Field(1.0, gt=0, le=2, description="Channel multiplier; other than 1 with mobilenet_v2 only.")
    output_stride: Stride | None = Field(
        None,
        description="Pixels of the image to one of the last features; none = 8 (deeplabv2), 16 (deeplabv3plus), or "
        "what the backbone has if it cannot be dilated.",
    )
    dilations: Dilations | None = Field(
        None,
        description="Dilations of the head's parallel 3x3 convolutions; none = 6,12,18,24 (deeplabv2), 6,12,18 "
        "(deeplabv3plus; twice that at output stride 8). Small images need less.",
    )
    preprocessing: PreprocessingName = Field(
        None,
        description="What the backbone's weights take; none = as they need. With caffe_bgr, strides and pooling lie "
        "as in Caffe's ResNet; rgb: less a mean, by a deviation, of RGB in 0 to 1.",
    )
    bn_affine: bool | None = Field(
        None, description="BatchNorm of the backbone has a scale and a shift; none = as its weights have it."
    )
    multi: bool = Field(False, description="Second output on the last but one stage, for multi-level guidance.")
    weights: str = Field(
        "none",
        description="Start of the backbone: none, imagenet, or a state dict file in the naming of torchvision or timm.",
    )
    num_classes: int = Field(19, ge=2, le=254, json_schema_extra={"option": False})

    @model_validator(mode="after")
    def _backbone_takes_the_settings(self) -> Self:
        needed = {
            "width": self.width != 1,
            "caffe_bgr": self.preprocessing == "caffe_bgr",
            "bn_affine": self.bn_affine is False,
        }
        abilities = abilities_of(self.backbone)
        for ability in (name for name, is_needed in needed.items() if is_needed and not getattr(abilities, name)):
            setting, common = _COMMON[ability]
            raise ValueError(
                f"{setting} = {getattr(self, setting)} needs backbone = {backbones_with(ability)}, not "
                f"{self.backbone}. Pass {setting}={common} with others."
            )
        return self

    @model_validator(mode="after")
    def _backbone_has_the_output_stride(self) -> Self:
        strides = abilities_of(self.backbone).output_strides
        if strides is not None and self.output_stride not in (None, *strides):
            possible = " or ".join(map(str, strides))
            raise ValueError(f"output_stride = {self.output_stride}: backbone = {self.backbone} can have {possible}")
        return self

    def architecture(self) -> dict[str, Any]:
        """What the weights' shapes and meaning depend on, by option, with what is left open filled in."""
        v2 = self.network == "deeplabv2"
        stride = self.output_stride or (8 if v2 else 16)
        spread = (6, 12, 18, 24) if v2 else tuple(16 * d // stride for d in (6, 12, 18))
        own = {name: getattr(self, name) for name in ("network", "backbone", "width", "multi", "num_classes")}
        filled = {"output_stride": stride, "dilations": self.dilations or spread}
        from_weights = {"preprocessing": self.preprocessing or "imagenet_rgb", "bn_affine": self.bn_affine is not False}
        return {**own, **filled, **from_weights}
