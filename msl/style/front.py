"""A style network in front of a segmentation network."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from msl.config import LookConfig, StyleTraining
from msl.style import VGG, Decoder, Encoder, StyleStatistics, StyleTransfer, mixing_weights, unit_rgb


class StyleFront(nn.Module):
    """Images in a fixed mixture of styles. It brings along all it needs: encoder, decoder, the styles' statistics."""

    mean: Tensor  # (1, C, 1, 1), of the mixture
    deviation: Tensor

    def __init__(self, transfer: StyleTransfer, alpha: float, learns: StyleTraining) -> None:
        """Set it up, without a style yet.

        Args:
            transfer: the style network.
            alpha: share of the style.
            learns: what its decoder learns from; only with end_to_end does a segmentation loss reach it.
        """
        super().__init__()
        self.transfer, self.alpha, self.learns = transfer, alpha, learns
        channels = transfer.encoder.vgg.channels[-1]
        self.register_buffer("mean", torch.zeros(1, channels, 1, 1))
        self.register_buffer("deviation", torch.ones(1, channels, 1, 1))
        transfer.decoder.requires_grad_(learns != "frozen")

    def take_on(self, styles: StyleStatistics, look: LookConfig) -> None:
        """Make this mixture of styles its own."""
        mean, deviation = styles.mixed(mixing_weights(look.style_weights, len(styles)))
        self.mean.copy_(mean)
        self.deviation.copy_(deviation)

    def forward(self, image: Tensor) -> Tensor:
        """Images (N, 3, H, W), uint8 or RGB in [0, 1], to styled ones of the same size in [0, 1]."""
        with torch.set_grad_enabled(torch.is_grad_enabled() and self.learns == "end_to_end"):
            content = unit_rgb(image, "image")
            return self.transfer.restyle(content, (self.mean, self.deviation), self.alpha).clamp(0, 1)

    def about(self) -> dict[str, Any]:
        """What a checkpoint says of it, enough to build it anew."""
        vgg = self.transfer.encoder.vgg
        return {
            "depths": list(vgg.depths),
            "channels": list(vgg.channels),
            "style_size": self.transfer.size,
            "alpha": self.alpha,
            "style_training": self.learns,
        }


def built_front(about: Mapping[str, Any]) -> StyleFront:
    """The front that gave `about`, without its weights."""
    vgg = VGG(tuple(about["depths"]), tuple(about["channels"]))
    return StyleFront(
        StyleTransfer(Encoder(vgg), Decoder(vgg), about["style_size"]), about["alpha"], about["style_training"]
    )


def put_in_front(model: nn.Module, front: StyleFront) -> None:
    """Let a segmentation network see styled images, in training and wherever else it is used."""
    model.preprocessing = nn.Sequential(front, model.get_submodule("preprocessing"))


def front_of(model: nn.Module) -> StyleFront | None:
    """What `put_in_front` has put in front of a network's own preprocessing."""
    first = model.preprocessing[0] if isinstance(model.preprocessing, nn.Sequential) else None
    return first if isinstance(first, StyleFront) else None
