"""Train mode, in which BatchNorm learns or not."""

from collections.abc import Iterator

from torch import nn


def train_mode(model: nn.Module, freeze_bn: bool) -> None:
    """Set train mode; with `freeze_bn`, BatchNorm stays in eval mode: it uses its running statistics unchanged."""
    model.train()
    if freeze_bn:
        for module in batch_norms(model):
            module.eval()


def batch_norms(model: nn.Module) -> Iterator[nn.Module]:
    """Every BatchNorm of a network, from its input to its output."""
    return (module for module in model.modules() if isinstance(module, nn.modules.batchnorm._BatchNorm))
