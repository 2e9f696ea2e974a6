"""Style transfer with a network: encode, move the features' statistics, decode.

Huang and Belongie, ICCV 2017, arXiv:1703.06868.
"""

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn
from torchvision.transforms.v2 import functional as tvf

from msl.errors import CheckpointError
from msl.numerics.padding import MirroredEdge
from msl.numerics.statistics import channel_statistics
from msl.style.adain import impose
from msl.style.encoder import HALO, STRIDE, VGG, Encoder
from msl.style.styler import Styler
from msl.style.tiles import in_tiles
from msl.weights import check_fit, load_file, state_dict_in

_TILE = 128  # side of a tile in features: 1024 pixels


class Decoder(nn.Sequential):
    """An encoder's mirror image: relu4_1 back to RGB, which may exceed [0, 1].

    Reflection padding and nearest upsampling (section 6). Layers have the port's numbers, so its ``decoder.pth`` loads.
    """

    def __init__(self, vgg: VGG) -> None:
        super().__init__()
        previous_stage = None
        for stage, channels, features in reversed(list(vgg.convolutions())):
            if previous_stage is not None:
                self.append(nn.ReLU(inplace=True))
                if stage != previous_stage:
                    self.append(nn.Upsample(scale_factor=2, mode="nearest"))
            self.append(MirroredEdge())
            self.append(nn.Conv2d(features, channels, 3))
            previous_stage = stage


def load_decoder(path: Path, vgg: VGG) -> Decoder:
    """A trained decoder for an encoder of this shape.

    Raises:
        CheckpointError: the file is missing, damaged or does not fit; names the keys.
    """
    if not path.is_file():
        raise CheckpointError(
            f"decoder = {path}: no such file. Pass a decoder's weights or a checkpoint of train_style."
        )
    decoder = Decoder(vgg)
    remedy = "A decoder belongs to the encoder with which it was trained."
    decoder.load_state_dict(check_fit(state_dict_in(load_file(path)), decoder.state_dict(), str(path), remedy))
    return decoder


class StyleTransfer(Styler):
    """AdaIN style transfer. The content is encoded and decoded once, whatever the number of styles.

    Large images go through the network in tiles of at most 1024 pixels a side, with 32 pixels around them. The features
    relu4_1 are kept for the whole image, so their statistics are those of the whole image.
    """

    def __init__(self, encoder: Encoder, decoder: Decoder, size: int | None = None, tile: int = _TILE) -> None:
        """Set it up.

        Args:
            encoder: makes features from images.
            decoder: makes images from features; trained with this encoder.
            size: shorter side in pixels to which content and style images are scaled first; the result is scaled back
                to the content's size. Small images keep more detail if they are enlarged. None: no scaling.
            tile: side of a tile in features.
        """
        super().__init__()
        self.encoder, self.decoder = encoder, decoder
        self.size, self._tile = size, tile

    def encode(self, image: Tensor) -> Tensor:
        """Images (N, 3, H, W) in [0, 1] to relu4_1, (N, C, ⌈H/8⌉, ⌈W/8⌉)."""
        return in_tiles(self.encoder, image, tile=self._tile, halo=HALO, read=STRIDE)

    def decode(self, features: Tensor, size: tuple[int, int]) -> Tensor:
        """Features to images (N, 3, *size), not clamped; rows and columns that the pooling added are cut off."""
        image = in_tiles(self.decoder, features, tile=self._tile, halo=HALO, write=STRIDE)
        return image[:, :, : size[0], : size[1]]

    def statistics_of(self, image: Tensor) -> tuple[Tensor, ...]:
        """Mean and deviation of relu4_1, each (1, C, 1, 1)."""
        return channel_statistics(self.encode(self._scale(image)))

    def restyle(self, content: Tensor, style: tuple[Tensor, ...], alpha: float) -> Tensor:
        """D((1 - α)·f + α·AdaIN(f)), equation 14; with several styles equation 15, because AdaIN is linear in them."""
        mean, deviation = style
        scaled = self._scale(content)
        features = self.encode(scaled)  # (N, C, h, w)
        restyled = torch.lerp(features, impose(features, mean, deviation), alpha)
        return _resize(self.decode(restyled, (scaled.shape[2], scaled.shape[3])), content.shape[2:])

    def _scale(self, image: Tensor) -> Tensor:
        if self.size is None:
            return image
        scale = self.size / min(image.shape[2:])
        return _resize(image, [round(side * scale) for side in image.shape[2:]])


def _resize(image: Tensor, size: Sequence[int]) -> Tensor:
    resized: Tensor = tvf.resize(image, list(size), tvf.InterpolationMode.BICUBIC, antialias=True)
    return resized
