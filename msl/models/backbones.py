"""Feature extractors at output stride 8 or 16: torchvision's networks with late strides turned into dilation.

DeepLab's way to keep resolution: where a stage would have halved it, its 3×3 convolutions are spread out instead,
so the weights still fit (Chen et al., arXiv:1606.00915, section 3.1).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import torchvision.models as zoo
from torch import Tensor, nn
from torchvision.models.resnet import Bottleneck

from msl.config import ModelConfig


class Features(NamedTuple):
    """Maps of an early stage, of the last but one and of the last; s is the output stride, 8 or 16."""

    low: Tensor  # (N, C_low, H/4, W/4)
    middle: Tensor  # (N, C_middle, H/s, W/s)
    last: Tensor  # (N, C_last, H/s, W/s)


@dataclass(frozen=True)
class _Plan:
    """How a network of torchvision's is cut: its stages in order, and what only its classifier needs."""

    build: Callable[[float], nn.Module]  # from the channel multiplier
    low: tuple[str, ...]  # until stride 4
    stem: tuple[str, ...]  # from there until stride 8
    middle: tuple[str, ...]  # where the stride becomes 16, or dilation takes its place
    last: tuple[str, ...]  # where it would become 32
    unused: tuple[str, ...]
    channels: tuple[int, int, int]  # of low, middle and last, at multiplier 1


def _resnet(build: Callable[[], nn.Module], channels: tuple[int, int, int]) -> _Plan:
    low = ("conv1", "bn1", "relu", "maxpool", "layer1")
    return _Plan(lambda width: build(), low, ("layer2",), ("layer3",), ("layer4",), ("avgpool", "fc"), channels)


def _features(first: int, last: int) -> tuple[str, ...]:
    return tuple(f"features.{i}" for i in range(first, last + 1))


_PLANS = {
    "resnet101": _resnet(zoo.resnet101, (256, 1024, 2048)),
    "resnet50": _resnet(zoo.resnet50, (256, 1024, 2048)),
    "resnet18": _resnet(zoo.resnet18, (64, 256, 512)),
    "mobilenet_v2": _Plan(
        build=lambda width: zoo.mobilenet_v2(width_mult=width),
        low=_features(0, 3),
        stem=_features(4, 6),
        middle=_features(7, 13),
        last=_features(14, 17),
        unused=("features.18", "classifier"),
        channels=(24, 96, 320),
    ),
}


class DilatedBackbone(nn.Module):
    """One of torchvision's networks at output stride 8 or 16, without its classifier.

    Parameters keep torchvision's names (below ``network.``), so that its state dicts load by name.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        plan = _PLANS[config.backbone]
        self.network = plan.build(config.width)
        for name in plan.unused:
            parent, _, child = name.rpartition(".")
            delattr(self.network.get_submodule(parent), child)
        strided = config.architecture()["output_stride"] == 16  # then the middle stage keeps its stride
        for names, dilation in ((plan.middle, 1 if strided else 2), (plan.last, 2 if strided else 4)):
            for name in names if dilation > 1 else ():
                _dilate(self.network.get_submodule(name), dilation)
        if config.preprocessing == "caffe_bgr":
            _arrange_as_caffe(self.network)
        if config.bn_affine is False:
            _drop_affine(self.network)
        self.unused = plan.unused
        self._until_low, self._until_middle, self._until_last = plan.low, plan.stem + plan.middle, plan.last
        self.low_channels, self.middle_channels, self.last_channels = (
            _round_channels(c, config.width) for c in plan.channels
        )

    def forward(self, image: Tensor) -> Features:
        """Preprocessed images (N, 3, H, W) to feature maps."""
        low = self._apply_stages(self._until_low, image)  # (N, C_low, H/4, W/4)
        middle = self._apply_stages(self._until_middle, low)  # (N, C_middle, H/s, W/s)
        return Features(low, middle, self._apply_stages(self._until_last, middle))

    def _apply_stages(self, names: tuple[str, ...], x: Tensor) -> Tensor:
        for name in names:
            x = self.network.get_submodule(name)(x)
        return x


def _arrange_as_caffe(network: nn.Module) -> None:
    """Caffe's ResNet has a bottleneck's stride in its first 1×1 convolution, and a stem whose pooling rounds up."""
    for module in network.modules():
        if isinstance(module, Bottleneck):
            module.conv1.stride, module.conv2.stride = module.conv2.stride, (1, 1)
        elif isinstance(module, nn.MaxPool2d):
            module.ceil_mode = True


def _drop_affine(network: nn.Module) -> None:
    """BatchNorm that normalises only. After building, because torchvision's initialisation wants a scale."""
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.affine = False
            module.register_parameter("weight", None)
            module.register_parameter("bias", None)


def _dilate(stage: nn.Module, dilation: int) -> None:
    for module in stage.modules():
        if isinstance(module, nn.Conv2d):
            module.stride = (1, 1)
            if module.kernel_size == (3, 3):
                module.dilation = module.padding = (dilation, dilation)


def _round_channels(channels: int, width: float) -> int:
    """MobileNetV2's rule (arXiv:1801.04381): a multiple of 8, not below 90 % of what was asked for."""
    scaled = channels * width
    rounded = max(8, int(scaled + 4) // 8 * 8)
    return rounded if rounded >= 0.9 * scaled else rounded + 8
