"""torchvision's MobileNetV2, whose number of channels can be scaled."""

import torchvision.models as zoo

from msl.config import ModelConfig
from msl.models.backbones.backbone import Stages
from msl.models.backbones.dilated import DilatedBackbone, Plan

_CHANNELS = Stages(24, 96, 320)  # at width 1


class MobileNetV2(DilatedBackbone):
    """MobileNetV2 (Sandler et al., arXiv:1801.04381) of any width."""

    def __init__(self, config: ModelConfig) -> None:
        plan = Plan(
            low=_features(0, 3),
            stem=_features(4, 6),
            middle=_features(7, 13),
            last=_features(14, 17),
            classifier=("features.18", "classifier"),
            channels=Stages(*(_round_channels(count, config.width) for count in _CHANNELS)),
        )
        super().__init__(zoo.mobilenet_v2(width_mult=config.width), plan, config)


def _features(first: int, last: int) -> tuple[str, ...]:
    return tuple(f"features.{i}" for i in range(first, last + 1))


def _round_channels(channels: int, width: float) -> int:
    """The paper's rule: a multiple of 8, at least 90 % of the scaled number."""
    scaled = channels * width
    rounded = max(8, int(scaled + 4) // 8 * 8)
    return rounded if rounded >= 0.9 * scaled else rounded + 8
