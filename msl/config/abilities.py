"""What only some backbones can do. This is known before a backbone is loaded, so a wrong setting fails at once."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Abilities:
    """Settings that only some backbones take."""

    width: bool = False  # the number of its channels can be scaled
    caffe_bgr: bool = False  # it can have the strides and pooling of Caffe
    bn_affine: bool = False  # its BatchNorm can have no scale and shift
    output_strides: tuple[int, ...] | None = None  # those it can have; None = known only when it is built


_RESNET = Abilities(caffe_bgr=True, bn_affine=True, output_strides=(8, 16))

ABILITIES: Mapping[str, Abilities] = {
    "resnet101": _RESNET,
    "resnet50": _RESNET,
    "resnet18": _RESNET,
    "mobilenet_v2": Abilities(width=True, bn_affine=True, output_strides=(8, 16)),
}


# torchvision's files of ImageNet weights, in the folder hub/checkpoints of TORCH_HOME.
IMAGENET_FILES: Mapping[str, str] = {
    "resnet101": "resnet101-63fe2227.pth",
    "resnet50": "resnet50-0676ba61.pth",
    "resnet18": "resnet18-f37072fd.pth",
    "mobilenet_v2": "mobilenet_v2-b0353104.pth",
}


def abilities_of(backbone: str) -> Abilities:
    """The abilities of a backbone; a backbone that is not listed has none."""
    return ABILITIES.get(backbone, Abilities())


def backbones_with(ability: str) -> str:
    """Names of the backbones that have an ability, for a message: ``resnet101, resnet50``."""
    return ", ".join(name for name, abilities in ABILITIES.items() if getattr(abilities, ability))
