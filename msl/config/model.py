"""Settings of the segmentation network."""

from typing import Any, Literal, Self

from pydantic import Field, model_validator

from msl.config.catalog import NetworkName
from msl.config.group import Group
from msl.config.values import Dilations, Stride

Backbone = Literal["resnet101", "resnet50", "resnet18", "mobilenet_v2"]


class ModelConfig(Group):
    """The segmentation network. `num_classes` follows from the label set and is no option."""

    network: NetworkName = Field("deeplabv2", description="Segmentation network on top of the backbone.")
    backbone: Backbone = Field("mobilenet_v2", description="Feature extractor.")
    width: float = Field(1.0, gt=0, le=2, description="Channel multiplier; other than 1 with mobilenet_v2 only.")
    output_stride: Stride | None = Field(
        None, description="Pixels of the image to one of the last features; none = 8 (deeplabv2), 16 (deeplabv3plus)."
    )
    dilations: Dilations | None = Field(
        None,
        description="Dilations of the head's parallel 3x3 convolutions; none = 6,12,18,24 (deeplabv2), 6,12,18 "
        "(deeplabv3plus; twice that at output stride 8). Small images need less.",
    )
    preprocessing: Literal["imagenet_rgb", "caffe_bgr"] | None = Field(
        None,
        description="What the backbone's weights take; none = as they need. With caffe_bgr, strides and pooling lie "
        "as in Caffe's ResNet.",
    )
    bn_affine: bool | None = Field(
        None, description="BatchNorm of the backbone has a scale and a shift; none = as its weights have it."
    )
    multi: bool = Field(False, description="Second output on the last but one stage, for multi-level guidance.")
    weights: str = Field(
        "none", description="Start of the backbone: none, imagenet, or a state dict file in torchvision's naming."
    )
    num_classes: int = Field(19, ge=2, le=254, json_schema_extra={"option": False})

    @model_validator(mode="after")
    def _only_mobilenet_scales(self) -> Self:
        if self.width != 1 and self.backbone != "mobilenet_v2":
            raise ValueError(f"width = {self.width} needs backbone = mobilenet_v2, not {self.backbone}")
        return self

    @model_validator(mode="after")
    def _only_resnets_come_from_caffe(self) -> Self:
        if self.preprocessing == "caffe_bgr" and not self.backbone.startswith("resnet"):
            raise ValueError(f"preprocessing = caffe_bgr needs a ResNet, not backbone = {self.backbone}")
        return self

    def architecture(self) -> dict[str, Any]:
        """What the weights' shapes and meaning depend on, by option, with what is left open filled in."""
        v2 = self.network == "deeplabv2"
        stride = self.output_stride or (8 if v2 else 16)
        spread = (6, 12, 18, 24) if v2 else tuple(16 // stride * d for d in (6, 12, 18))
        own = {name: getattr(self, name) for name in ("network", "backbone", "width", "multi", "num_classes")}
        filled = {"output_stride": stride, "dilations": self.dilations or spread}
        from_weights = {"preprocessing": self.preprocessing or "imagenet_rgb", "bn_affine": self.bn_affine is not False}
        return {**own, **filled, **from_weights}
