"""Train mode, with BatchNorm that learns or does not."""

from collections.abc import Iterator

from torch import nn


def train_mode(model: nn.Module, freeze_bn: bool) -> None:
    """Train mode; with `freeze_bn`, BatchNorm stays in eval mode: it uses its running statistics and keeps them."""
    model.train()
    if freeze_bn:
        for module in batch_norms(model):
            module.eval()


def batch_norms(model: nn.Module) -> Iterator[nn.Module]:
    """Every BatchNorm of a network, from the input on."""
    return (module for module in model.modules() if isinstance(module, nn.modules.batchnorm._BatchNorm))
