"""Settings of the segmentation network."""

from typing import Any, Self

from pydantic import Field, model_validator

from msl.config.abilities import abilities_of, backbones_with
from msl.config.catalog import BackboneName, NetworkName, PreprocessingName
from msl.config.group import Group
from msl.config.values import Dilations, Stride

_COMMON_VALUES = {  # by ability: the setting that needs it, and the value that every backbone takes
    "width": ("width", "1"),
    "caffe_bgr": ("preprocessing", "none"),
    "bn_affine": ("bn_affine", "none"),
}


class ModelConfig(Group):
    """The segmentation network. `num_classes` is computed from the label set and is not an option."""

    network: NetworkName = Field("deeplabv2", description="Segmentation network on top of the backbone.")
    backbone: BackboneName = Field(
        "mobilenet_v2", description="Feature extractor; timm:NAME = one of timm's, with the extra msl[timm]."
    )
    width: float = Field(
        1.0, gt=0, le=2, description="Channel multiplier; with other backbones than mobilenet_v2, only 1."
    )
    output_stride: Stride | None = Field(
        None,
        description="Side in image pixels of one pixel of the last features; none = 8 (deeplabv2), 16 (others), "
        "or the backbone's own stride if the backbone cannot be dilated.",
    )
    dilations: Dilations | None = Field(
        None,
        description="Dilations of the head's parallel 3x3 convolutions; none = 6,12,18,24 (deeplabv2), 6,12,18 "
        "(others; twice as much at output stride 8). Small images need smaller ones.",
    )
    preprocessing: PreprocessingName = Field(
        None,
        description="Form of the images that the backbone's weights need; none = known from the weights. caffe_bgr "
        "also sets the strides and pooling of Caffe's ResNet; rgb = (RGB in 0 to 1 - MEAN) / DEVIATION.",
    )
    bn_affine: bool | None = Field(
        None, description="BatchNorm of the backbone has a scale and a shift; none = as in its weights."
    )
    multi: bool = Field(False, description="Second output, from the last but one stage, for multi-level guidance.")
    weights: str = Field(
        "none",
        description="Initial weights of the backbone: none, imagenet, streets (mobilenet_v2 of width 0.75, comes with "
        "msl), or a state dict file of torchvision or timm (torch.save, .safetensors).",
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
            setting, common = _COMMON_VALUES[ability]
            raise ValueError(
                f"{setting} = {getattr(self, setting)} needs backbone = {backbones_with(ability)}, not "
                f"{self.backbone}. Pass {setting}={common} with other backbones."
            )
        return self

    @model_validator(mode="after")
    def _backbone_has_the_output_stride(self) -> Self:
        strides = abilities_of(self.backbone).output_strides
        if strides is not None and self.output_stride not in (None, *strides):
            possible = " or ".join(map(str, strides))
            raise ValueError(
                f"output_stride = {self.output_stride}: backbone = {self.backbone} can have only {possible}"
            )
        return self

    def architecture(self) -> dict[str, Any]:
        """The settings that decide the weights' shapes and meaning, with defaults filled in."""
        v2 = self.network == "deeplabv2"
        stride = self.output_stride or (8 if v2 else 16)
        spread = (6, 12, 18, 24) if v2 else tuple(16 * d // stride for d in (6, 12, 18))
        chosen = {name: getattr(self, name) for name in ("network", "backbone", "width", "multi", "num_classes")}
        filled = {"output_stride": stride, "dilations": self.dilations or spread}
        from_weights = {"preprocessing": self.preprocessing or "imagenet_rgb", "bn_affine": self.bn_affine is not False}
        return {**chosen, **filled, **from_weights}
