"""A style network in front of a segmentation network."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from msl.config import LookConfig, StyleTraining
from msl.style import VGG, Decoder, Encoder, StyleStatistics, StyleTransfer, mixing_weights, unit_rgb


class StyleFront(nn.Module):
    """Images in a fixed mixture of styles. It holds encoder, decoder and the styles' statistics."""

    mean: Tensor  # of the mixture, (1, C, 1, 1)
    deviation: Tensor  # of the mixture, (1, C, 1, 1)

    def __init__(self, transfer: StyleTransfer, alpha: float, style_training: StyleTraining) -> None:
        """Set it up, without a style yet.

        Args:
            transfer: the style network.
            alpha: share of the style.
            style_training: what its decoder learns from; a segmentation loss reaches it only with end_to_end.
        """
        super().__init__()
        self.transfer, self.alpha, self.style_training = transfer, alpha, style_training
        channels = transfer.encoder.vgg.channels[-1]
        self.register_buffer("mean", torch.zeros(1, channels, 1, 1))
        self.register_buffer("deviation", torch.ones(1, channels, 1, 1))
        transfer.decoder.requires_grad_(style_training != "frozen")

    def take_on(self, styles: StyleStatistics, look: LookConfig) -> None:
        """Use this mixture of styles from now on."""
        mean, deviation = styles.mixed(mixing_weights(look.style_weights, len(styles)))
        self.mean.copy_(mean)
        self.deviation.copy_(deviation)

    def forward(self, image: Tensor) -> Tensor:
        """Images (N, 3, H, W), uint8 or RGB in [0, 1], to styled ones of the same size in [0, 1]."""
        with torch.set_grad_enabled(torch.is_grad_enabled() and self.style_training == "end_to_end"):
            content = unit_rgb(image, "image")
            return self.transfer.restyle(content, (self.mean, self.deviation), self.alpha).clamp(0, 1)

    def about(self) -> dict[str, Any]:
        """What a checkpoint says of it: enough to rebuild it."""
        vgg = self.transfer.encoder.vgg
        return {
            "depths": list(vgg.depths),
            "channels": list(vgg.channels),
            "style_size": self.transfer.size,
            "alpha": self.alpha,
            "style_training": self.style_training,
        }


def build_front(about: Mapping[str, Any]) -> StyleFront:
    """The front whose `about` this is, without its weights."""
    vgg = VGG(tuple(about["depths"]), tuple(about["channels"]))
    return StyleFront(
        StyleTransfer(Encoder(vgg), Decoder(vgg), about["style_size"]), about["alpha"], about["style_training"]
    )


def put_in_front(model: nn.Module, front: StyleFront) -> None:
    """Put a style front before a segmentation network's preprocessing, for training and all other uses."""
    model.preprocessing = nn.Sequential(front, model.get_submodule("preprocessing"))


def front_of(model: nn.Module) -> StyleFront | None:
    """The style front that `put_in_front` has put before a network's preprocessing; None if there is none."""
    first = model.preprocessing[0] if isinstance(model.preprocessing, nn.Sequential) else None
    return first if isinstance(first, StyleFront) else None
