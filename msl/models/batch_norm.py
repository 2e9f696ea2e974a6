"""The BatchNorm layers of a network."""

from collections.abc import Iterator

from torch import nn

BatchNorm = nn.modules.batchnorm._BatchNorm  # the base of all kinds, those of timm too


def batch_norms(model: nn.Module) -> Iterator[BatchNorm]:
    """Every BatchNorm of a network, from its input to its output."""
    return (module for module in model.modules() if isinstance(module, BatchNorm))
