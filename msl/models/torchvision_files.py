"""Files of torchvision's DeepLabV3 on a ResNet, in our naming: its own weights, and what its training scripts save."""

import logging
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from msl.config import ModelConfig
from msl.errors import CheckpointError

log = logging.getLogger("msl")

_MARK = "classifier.0.convs.0.0.weight"  # the first convolution of the pyramid
_LAST = "classifier.4.weight"  # the convolution whose outputs are the classes
_BLOCKS = {"layer3.5.": "resnet50", "layer3.22.": "resnet101"}  # the last block of layer3
_NAMES = (  # in torchvision's file -> in our network
    (r"backbone\.", "backbone.network."),
    (r"classifier\.0\.convs\.4\.", "pyramid.pooled."),
    (r"classifier\.0\.convs\.", "pyramid.branches."),
    (r"classifier\.0\.project\.", "pyramid.join."),
    (r"classifier\.1\.", "classifier.0."),
    (r"classifier\.2\.", "classifier.1."),
    (r"classifier\.4\.", "classifier.3."),
)


def is_torchvision(state: Mapping[str, Tensor]) -> bool:
    """Whether the names are those of torchvision's DeepLabV3."""
    return _MARK in state and _LAST in state


def torchvision_network(path: Path, state: Mapping[str, Tensor]) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """The settings of `ModelConfig` that the names and shapes decide, and the weights in our naming.

    Raises:
        CheckpointError: the backbone is no ResNet-50 or ResNet-101.
    """
    backbone = None
    for mark, name in _BLOCKS.items():
        backbone = name if any(key.startswith(f"backbone.{mark}") for key in state) else backbone
    if backbone is None:
        raise CheckpointError(
            f"{path} is a DeepLabV3 of torchvision, but its backbone is no ResNet: msl reads deeplabv3_resnet50 and "
            "deeplabv3_resnet101. Pass one of these."
        )
    if any(name.startswith("aux_classifier.") for name in state):
        log.info("%s: its second head (aux_classifier) is not used", path)
    weights = {_ours(name): value for name, value in state.items() if not name.startswith("aux_classifier.")}
    settings: dict[str, Any] = {"network": "deeplabv3", "backbone": backbone, "output_stride": 8, "multi": False}
    return settings | {"dilations": (12, 24, 36), "num_classes": int(state[_LAST].shape[0])}, weights


def settings_left_open(config: ModelConfig) -> dict[str, Any]:
    """The settings that the file does not decide: as they are given, or as torchvision trains."""
    chosen = {"preprocessing": config.preprocessing or "imagenet_rgb", "bn_affine": True}
    return chosen | ({"dilations": config.dilations} if config.dilations else {})


def _ours(name: str) -> str:
    for pattern, ours in _NAMES:
        renamed, count = re.subn(f"^{pattern}", ours, name)
        if count:
            return renamed
    return name
