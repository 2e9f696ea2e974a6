"""What every segmentation network offers to training, evaluation and serving."""

from abc import ABC, abstractmethod
from typing import NamedTuple

from torch import Tensor, nn

from msl.config import ModelConfig
from msl.models.backbones import Backbone
from msl.models.preprocessing import build_preprocessing
from msl.numerics.interpolation import upsample


class SegOutput(NamedTuple):
    """Logits (N, C, H, W) of the network's outputs; `aux` only with `multi`."""

    main: Tensor
    aux: Tensor | None


class SegmentationNetwork(nn.Module, ABC):
    """A backbone and heads. Takes RGB images (N, 3, H, W), uint8 or float in [0, 1], and normalises them itself."""

    def __init__(self, config: ModelConfig, backbone: Backbone) -> None:
        """Set up what all networks have; a subclass adds its heads.

        Args:
            config: the settings, with the output stride that the backbone has.
            backbone: the feature extractor.

        Raises:
            ConfigError: the backbone's strides do not fit the network's heads.
        """
        super().__init__()
        self.config = config
        self.preprocessing: nn.Module = build_preprocessing(config.architecture()["preprocessing"])
        self.backbone = backbone

    @abstractmethod
    def coarse(self, image: Tensor) -> SegOutput:
        """Logits at the resolution of the heads, for callers that choose the size themselves (`upsample`)."""

    @abstractmethod
    def heads(self) -> list[nn.Module]:
        """The parts that are new to every data set and learn faster than the backbone."""

    def forward(self, image: Tensor) -> SegOutput:
        """Logits at the input's size."""
        size = (image.shape[2], image.shape[3])
        main, aux = self.coarse(image)
        return SegOutput(_planes(main, size), None if aux is None else _planes(aux, size))


def _planes(logits: Tensor, size: tuple[int, int]) -> Tensor:
    # A loss reads one plane for each class. From logits that are channels last, it would have to copy the upsampled
    # ones, which are 64 times as large.
    return upsample(logits.contiguous(), size)
