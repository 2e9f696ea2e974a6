"""The precision of sums over many pixels."""

import torch
from torch import Tensor


def at_least_single(value: Tensor) -> Tensor:
    """`value` in float32; float64 stays float64. Half precision would lose sums over a million pixels."""
    return value.to(torch.promote_types(value.dtype, torch.float32))
