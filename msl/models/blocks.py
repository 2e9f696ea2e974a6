"""The blocks that a network repeats, such as the residual blocks of a ResNet."""

from torch import nn
from torchvision.models.mobilenetv2 import InvertedResidual
from torchvision.models.resnet import BasicBlock, Bottleneck
from torchvision.ops.misc import Conv2dNormActivation

from msl.errors import ConfigError
from msl.models.backbones.backbone import Backbone

_BLOCKS = (Bottleneck, BasicBlock, InvertedResidual)
_WITHOUT_CHANCE = {*_BLOCKS, Conv2dNormActivation, nn.Sequential, nn.Conv2d, nn.BatchNorm2d, nn.ReLU, nn.ReLU6}


def repeated_blocks(network: nn.Module) -> list[nn.Module]:
    """The innermost modules of any nn.Sequential of the backbone that contain a convolution or a linear layer.

    An nn.Sequential itself is none.

    Raises:
        ConfigError: there are none.
    """
    backbone = next((module for module in network.modules() if isinstance(module, Backbone)), network)
    parts = [part for module in backbone.modules() if isinstance(module, nn.Sequential) for part in module]
    blocks = {part: None for part in parts if not isinstance(part, nn.Sequential) and _has_weighty_parts(part)}
    innermost = [block for block in blocks if not any(part in blocks for part in block.modules() if part is not block)]
    if not innermost:
        raise ConfigError(
            "recompute = true: the backbone has no blocks that could be computed again. They are looked for in its "
            "nn.Sequential: modules that contain convolutions or linear layers. Pass recompute=false."
        )
    return innermost


def may_draw(block: nn.Module) -> bool:
    """Whether its forward pass may draw random numbers, as dropout does; of unknown modules it may."""
    return not all(type(part) in _WITHOUT_CHANCE for part in block.modules())


def _has_weighty_parts(module: nn.Module) -> bool:
    return any(isinstance(part, nn.Conv2d | nn.Linear) for part in module.modules() if part is not module)
