"""From RGB images to what a backbone's weights expect. It comes with the weights, so it is part of the network."""

import torch
from torch import Tensor, nn

_MEAN = (0.485, 0.456, 0.406)  # of ImageNet's RGB in [0, 1], as torchvision's weights were trained
_STD = (0.229, 0.224, 0.225)


class ImageNetRGB(nn.Module):
    """Images (N, 3, H, W), uint8 or float in [0, 1], to normalised float32."""

    mean: Tensor  # (1, 3, 1, 1)
    std: Tensor  # (1, 3, 1, 1)

    def __init__(self) -> None:
        super().__init__()
        # Not saved: they are constants of the architecture, and a state dict holds what was learnt.
        self.register_buffer("mean", torch.tensor(_MEAN).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(_STD).view(1, 3, 1, 1), persistent=False)

    def forward(self, image: Tensor) -> Tensor:
        """Normalise; integers are taken as 0…255."""
        scaled = image if image.is_floating_point() else image.float() / 255
        return (scaled - self.mean) / self.std
