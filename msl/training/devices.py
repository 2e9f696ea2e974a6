"""Where a network is."""

import torch
from torch import nn


def device_of(model: nn.Module) -> torch.device:
    """The device of a network's weights."""
    return next(model.parameters()).device
