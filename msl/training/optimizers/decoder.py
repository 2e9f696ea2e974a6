"""The optimizer of a style decoder."""

import torch
from torch import nn

from msl.config import StyleLossConfig
from msl.training.optimizers.fused import fused


def adam(decoder: nn.Module, config: StyleLossConfig) -> torch.optim.Adam:
    """Adam for a style decoder, with PyTorch's defaults as in the port."""
    optimizer = torch.optim.Adam(decoder.parameters(), lr=config.style_lr, fused=fused(decoder.parameters()))
    optimizer.param_groups[0]["initial_lr"] = config.style_lr
    return optimizer
