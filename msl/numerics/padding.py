"""A mirrored edge around feature maps."""

import torch
from torch import Tensor, nn


class MirroredEdge(nn.ReflectionPad2d):
    """One row and one column more on each side, which mirror the next ones.

    On a GPU, the backward pass of older torch adds in any order; where that must not be, slices take its place.
    """

    def __init__(self) -> None:
        super().__init__(1)

    def forward(self, features: Tensor) -> Tensor:
        """(N, C, H, W) to (N, C, H + 2, W + 2)."""
        must_repeat = features.device.type != "cpu" and torch.are_deterministic_algorithms_enabled()
        return mirrored_edge(features) if must_repeat and features.requires_grad else super().forward(features)


def mirrored_edge(features: Tensor) -> Tensor:
    """What `MirroredEdge` gives, from slices."""
    rows = torch.cat([features[:, :, 1:2], features, features[:, :, -2:-1]], dim=2)
    return torch.cat([rows[:, :, :, 1:2], rows, rows[:, :, :, -2:-1]], dim=3)
