"""The blocks that a network repeats, such as the residual blocks of a ResNet."""

from torch import nn
from torchvision.models.mobilenetv2 import InvertedResidual
from torchvision.models.resnet import BasicBlock, Bottleneck

from msl.errors import ConfigError
from msl.models.batch_norm import BatchNorm

_WITHOUT_CHANCE = (Bottleneck, BasicBlock, InvertedResidual, nn.Sequential, nn.Conv2d, BatchNorm, nn.ReLU, nn.ReLU6)


def repeated_blocks(network: nn.Module) -> list[nn.Module]:
    """The innermost modules of any nn.Sequential that have parts and are no nn.Sequential themselves.

    Raises:
        ConfigError: there are none.
    """
    parts = [part for module in network.modules() if isinstance(module, nn.Sequential) for part in module]
    blocks = {part: None for part in parts if not isinstance(part, nn.Sequential) and any(part.children())}
    innermost = [block for block in blocks if not any(part in blocks for part in block.modules() if part is not block)]
    if not innermost:
        raise ConfigError(
            "recompute = true: the network has no blocks that could be computed again. They are looked for in its "
            "nn.Sequential: modules that have parts. Pass recompute=false."
        )
    return innermost


def may_draw(block: nn.Module) -> bool:
    """Whether its forward pass may draw random numbers, as dropout does; of unknown modules it may."""
    return not all(isinstance(part, _WITHOUT_CHANCE) for part in block.modules())
