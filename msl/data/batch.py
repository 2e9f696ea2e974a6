"""The images and labels of one step."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Batch:
    """Images and labels of one training step."""

    image: Tensor  # (N, 3, H, W) uint8 RGB
    label: Tensor  # (N, H, W) uint8 train ids, 255 = ignored
    names: tuple[str, ...]
    style: Tensor | None = None  # (N, 3, h, w) uint8 RGB: the style of each image, if a style is trained

    def to(self, device: torch.device) -> "Batch":
        """The same on `device`."""
        return self.mapped(lambda tensor: tensor.to(device, non_blocking=True))

    def mapped(self, function: Callable[[Tensor], Tensor]) -> "Batch":
        """The same with a function applied to each tensor."""
        style = None if self.style is None else function(self.style)
        return Batch(function(self.image), function(self.label), self.names, style)

    def tensors(self) -> tuple[Tensor, ...]:
        """The parts that loading processes hand over in shared memory."""
        return (self.image, self.label) if self.style is None else (self.image, self.label, self.style)
