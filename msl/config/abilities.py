"""What only some backbones can do. It is known without loading them, so that a setting is refused at once."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Abilities:
    """Settings that a backbone takes beyond those that all backbones take."""

    width: bool = False  # its channels can be scaled
    caffe_bgr: bool = False  # its strides and pooling can lie as in Caffe
    bn_affine: bool = False  # its BatchNorm can do without scale and shift
    output_strides: tuple[int, ...] | None = None  # those it can have; none = it says so when it is built


_RESNET = Abilities(caffe_bgr=True, bn_affine=True, output_strides=(8, 16))

ABILITIES: Mapping[str, Abilities] = {
    "resnet101": _RESNET,
    "resnet50": _RESNET,
    "resnet18": _RESNET,
    "mobilenet_v2": Abilities(width=True, bn_affine=True, output_strides=(8, 16)),
}


def abilities_of(backbone: str) -> Abilities:
    """Those of one backbone; one that is not listed has none."""
    return ABILITIES.get(backbone, Abilities())


def backbones_with(ability: str) -> str:
    """Names of the backbones that have an ability, for a message: ``resnet101, resnet50``."""
    return ", ".join(name for name, abilities in ABILITIES.items() if getattr(abilities, ability))
