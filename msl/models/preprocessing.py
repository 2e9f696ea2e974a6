"""From RGB images to what a backbone's weights expect. It comes with the weights, so it is part of the network."""

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn

from msl.config.catalog import PREPROCESSINGS
from msl.config.values import Channels, parse_normalisation


class Preprocessing(nn.Module, ABC):
    """Images (N, 3, H, W) RGB, uint8 or float in [0, 1], to what a backbone takes."""

    def __init__(self, **constants: Channels) -> None:
        super().__init__()
        for name, values in constants.items():
            # Not saved: they are constants of the architecture, and a state dict holds what the network has learnt.
            self.register_buffer(name, torch.tensor(values).view(1, 3, 1, 1), persistent=False)

    @abstractmethod
    def forward(self, image: Tensor) -> Tensor:
        """Float32 input for the backbone."""


class NormalisedRGB(Preprocessing):
    """RGB in [0, 1] minus a mean, divided by a deviation."""

    mean: Tensor  # (1, 3, 1, 1)
    std: Tensor  # (1, 3, 1, 1)

    def __init__(self, mean: Channels, deviation: Channels) -> None:
        super().__init__(mean=mean, std=deviation)

    def forward(self, image: Tensor) -> Tensor:
        """Normalise; integers are taken as 0…255."""
        scaled = image if image.is_floating_point() else image.float() / 255
        return (scaled - self.mean) / self.std


class ImageNetRGB(NormalisedRGB):
    """RGB in [0, 1], normalised by ImageNet's mean and deviation, as torchvision's weights were trained."""

    def __init__(self) -> None:
        super().__init__((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


class CaffeBGR(Preprocessing):
    """BGR in 0…255 minus ImageNet's mean, as Caffe's ResNet and the published DeepLabV2 were trained."""

    mean: Tensor  # (1, 3, 1, 1)

    def __init__(self) -> None:
        super().__init__(mean=(104.00698793, 116.66876762, 122.67891434))

    def forward(self, image: Tensor) -> Tensor:
        """Swap the channels and subtract; floats are taken as 0…1."""
        scaled = image * 255 if image.is_floating_point() else image.float()
        return scaled.flip(1) - self.mean


def build_preprocessing(name: str) -> Preprocessing:
    """The preprocessing that `ModelConfig.preprocessing` names."""
    implementation = PREPROCESSINGS.load(name)
    preprocessing: Preprocessing = implementation(*parse_normalisation(name)) if ":" in name else implementation()
    return preprocessing
