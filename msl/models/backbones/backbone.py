"""What every feature extractor offers to a segmentation network."""

from abc import ABC, abstractmethod
from typing import ClassVar, NamedTuple

from torch import Tensor, nn

from msl.config import ModelConfig
from msl.errors import CheckpointError


class Features(NamedTuple):
    """Maps of an early stage, of the last but one and of the last, each with its channels C and stride s."""

    low: Tensor  # (N, C, H/s, W/s), rounded up
    middle: Tensor  # (N, C, H/s, W/s)
    last: Tensor  # (N, C, H/s, W/s)


class Stages(NamedTuple):
    """One number for each of the three maps: its channels, or its stride in pixels of the image."""

    low: int
    middle: int
    last: int


class Backbone(nn.Module, ABC):
    """A feature extractor, built from `ModelConfig`.

    A subclass sets `network`, `strides` and `channels` and gives `forward`; the rest has defaults.
    """

    packages: ClassVar[tuple[str, ...]] = ()  # packages that it needs beside the dependencies of msl
    left_out: tuple[str, ...] = ()  # parts in files of its weights that a segmentation network does not need

    network: nn.Module  # its parameters have the names that files of weights use
    strides: Stages
    channels: Stages

    @classmethod
    def preprocessing(cls, config: ModelConfig) -> str:
        """The preprocessing of its weights, by its name in `ModelConfig`, if neither they nor the settings name it."""
        return "imagenet_rgb"

    @classmethod
    def imagenet_weights(cls, config: ModelConfig) -> dict[str, Tensor]:
        """The state dict that ``weights=imagenet`` stands for.

        Raises:
            CheckpointError: there are no such weights, or they cannot be fetched.
        """
        raise CheckpointError(f"There are no ImageNet weights for backbone = {config.backbone}: pass weights=none.")

    @abstractmethod
    def forward(self, image: Tensor) -> Features:
        """Preprocessed images (N, 3, H, W) of any size to feature maps."""

    def constant_parameters(self) -> frozenset[str]:
        """Names of parameters, beside norms and biases, that weight decay leaves alone, such as embeddings."""
        return frozenset()

    def match_names(self, weights: dict[str, Tensor]) -> dict[str, Tensor]:
        """A file's weights by the names of `network`, without the parts that are left out."""
        heads = tuple(f"{part}." for part in self.left_out)
        return {name: value for name, value in weights.items() if not name.startswith(heads)}
