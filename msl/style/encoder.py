"""VGG up to relu4_1, frozen: it makes the features with which a style network works.

Simonyan and Zisserman, arXiv:1409.1556, with reflection padding against artefacts at the border (Huang and Belongie,
arXiv:1703.06868, section 6). Its pooling rounds up, so that no row of the image is lost.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple, Self

import torch
import torchvision.models as zoo
from torch import Tensor, nn

from msl.errors import CheckpointError
from msl.weights import check_fit, load_file, state_dict_in, torchvision_weights

STRIDE = 8  # pixels of the image to one feature of relu4_1, each way
HALO = 4  # features of relu4_1: how far around it one feature depends on others, in encoder and decoder

_REMEDY = "An encoder is a VGG-16 or VGG-19 by torchvision's names (features.0.weight, …) or vgg_normalised.pth."


class VGG(NamedTuple):
    """The shape of an encoder: convolutions of each stage until relu4_1, and their channels."""

    depths: tuple[int, ...] = (2, 2, 4, 1)  # VGG-19; VGG-16 has three in the third stage
    channels: tuple[int, ...] = (64, 128, 256, 512)

    def convolutions(self) -> Iterator[tuple[int, int, int]]:
        """Stage, channels in and channels out of each convolution, in order."""
        channels_in = 3
        for stage, (depth, channels) in enumerate(zip(self.depths, self.channels, strict=True)):
            for _ in range(depth):
                yield stage, channels_in, channels
                channels_in = channels


class Encoder(nn.Module):
    """RGB in [0, 1] to features. Its first 1×1 convolution is the preprocessing that its weights need.

    Layers below ``features.`` have torchvision's numbers. It is frozen and stays in eval mode; gradients flow
    through it to the image.
    """

    def __init__(self, vgg: VGG) -> None:
        super().__init__()
        self.vgg = vgg
        self.colour = nn.Conv2d(3, 3, 1)
        self.features = nn.Sequential()
        self._taps: list[int] = []  # layers whose output is relu1_1, relu2_1, relu3_1 and relu4_1
        for stage, channels_in, channels in vgg.convolutions():
            first = stage == len(self._taps)
            if first and stage > 0:
                self.features.append(nn.MaxPool2d(2, ceil_mode=True))
            self.features.append(nn.Conv2d(channels_in, channels, 3, padding=1, padding_mode="reflect"))
            self.features.append(nn.ReLU(inplace=True))
            if first:
                self._taps.append(len(self.features) - 1)
        self.requires_grad_(False).eval()

    def forward(self, image: Tensor) -> Tensor:
        """Images (N, 3, H, W) in [0, 1] to relu4_1, (N, C, ⌈H/8⌉, ⌈W/8⌉)."""
        features: Tensor = self.features(self.colour(image))
        return features

    def levels(self, image: Tensor) -> list[Tensor]:
        """relu1_1, relu2_1, relu3_1 and relu4_1, at strides 1, 2, 4 and 8."""
        x, levels = self.colour(image), []
        for number, layer in enumerate(self.features):
            x = layer(x)
            if number in self._taps:
                levels.append(x)
        return levels

    def train(self, mode: bool = True) -> Self:
        """Stay in eval mode."""
        return super().train(False)


def load_encoder(weights: str) -> Encoder:
    """An encoder from weights, which decide its architecture and its preprocessing.

    Args:
        weights: ``imagenet`` for torchvision's VGG-19, or a file: VGG-16 or VGG-19 by torchvision's names, for
            ImageNet-normalised RGB, or the AdaIN port's ``vgg_normalised.pth``, which begins with a 1×1 colour
            convolution. Layers after relu4_1 are left out.

    Raises:
        CheckpointError: the weights cannot be fetched or do not fit; it names the differing keys.
    """
    if weights == "imagenet":
        return _assemble(torchvision_weights("vgg19"), "torchvision's VGG-19")
    path = Path(weights)
    if not path.is_file():
        raise CheckpointError(f"encoder = {weights}: no such file. Pass imagenet or a file of weights.")
    return _assemble(state_dict_in(load_file(path)), str(path))


def _assemble(state: dict[str, Tensor], origin: str) -> Encoder:
    ported = tuple(state.get("0.weight", torch.empty(0)).shape) == (3, 3, 1, 1)
    third = "25.weight" if ported else "features.16.weight"  # the fourth convolution of VGG-19's third stage
    depths = (2, 2, 4 if third in state else 3, 1)
    names = _names_in_file(depths, ported)
    encoder = Encoder(VGG(depths, _channels(state, depths, names)))
    layers = {"0" if ported else "colour": "colour"}
    layers |= dict(zip(names, _names_in_file(depths, ported=False), strict=True))
    renamed = {f"{theirs}.{part}": f"{ours}.{part}" for theirs, ours in layers.items() for part in ("weight", "bias")}
    weights = {renamed.get(name, name): value for name, value in state.items() if not _follows(name, names[-1])}
    # ImageNet's normalisation takes the place of a colour convolution that the file lacks.
    encoder.load_state_dict(check_fit(_imagenet_colour() | weights, encoder.state_dict(), origin, _REMEDY))
    return encoder


def _names_in_file(depths: tuple[int, ...], ported: bool) -> list[str]:
    """The names of the convolutions: torchvision counts convolution and ReLU, the port padding and colours too."""
    names, position = [], 2 if ported else 0
    for depth in depths:
        for _ in range(depth):
            names.append(f"{position}" if ported else f"features.{position}")
            position += 3 if ported else 2
        position += 1  # pooling
    return names


def _channels(state: Mapping[str, Tensor], depths: tuple[int, ...], names: list[str]) -> tuple[int, ...]:
    """Channels of each stage; those of VGG if the file has no such weight."""
    firsts = [names[sum(depths[:stage])] for stage in range(len(depths))]
    weights = [state.get(f"{name}.weight") for name in firsts]
    return tuple(c if w is None else len(w) for w, c in zip(weights, VGG().channels, strict=True))


def _follows(name: str, last: str) -> bool:
    """Whether a weight belongs to a layer after relu4_1, whose convolution has the name `last`."""
    last_prefix, _, last_number = last.rpartition(".")
    prefix, _, number = name.rpartition(".")[0].rpartition(".")
    is_later = prefix == last_prefix and number.isdigit() and int(number) > int(last_number)
    return name.startswith("classifier.") or is_later


def _imagenet_colour() -> dict[str, Tensor]:
    """(x - mean) / std as a 1×1 convolution."""
    transforms = zoo.VGG19_Weights.IMAGENET1K_V1.transforms()
    mean, std = torch.tensor(transforms.mean), torch.tensor(transforms.std)
    return {"colour.weight": torch.diag(1 / std).view(3, 3, 1, 1), "colour.bias": -mean / std}
