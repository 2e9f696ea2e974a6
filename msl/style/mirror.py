"""A decoder's start: what the encoder does, backwards."""

import torch
from torch import Tensor, nn

from msl.style.encoder import Encoder
from msl.style.network import Decoder

_LEVEL, _DEVIATION = 0.5, 1.0  # of a filter before its ReLU: most of what it gives passes


@torch.no_grad()
def mirrored(encoder: Encoder, images: Tensor) -> Decoder:
    """A decoder whose convolutions are the encoder's transposed, each filter scaled by what it gives for some images.

    Transposed as in Zeiler and Fergus, ECCV 2014, section 2.1; scaled as in Mishkin and Matas, *All You Need Is a Good
    Init*, ICLR 2016. PyTorch's own start gives colours that hardly differ from pixel to pixel, for nine layers shrink
    them, and is slow to leave that.

    Args:
        encoder: whose features are to be decoded.
        images: (N, 3, H, W) in [0, 1]; the decoder begins with their colours' means and deviations.
    """
    decoder = Decoder(encoder.vgg)
    seeing = [layer for layer in encoder.features if isinstance(layer, nn.Conv2d)]
    x = encoder(images)
    for layer in decoder:
        if isinstance(layer, nn.Conv2d):
            layer.weight.copy_(seeing.pop().weight.transpose(0, 1).flip(2, 3))
            if seeing:
                _set_responses(layer, x, torch.tensor(_LEVEL), torch.tensor(_DEVIATION))
            else:
                _set_responses(layer, x, images.mean(dim=(0, 2, 3)), images.std(dim=(0, 2, 3)))
        x = layer(x)
    return decoder


def _set_responses(layer: nn.Conv2d, x: Tensor, level: Tensor, deviation: Tensor) -> None:
    """Let each filter's responses to `x` have this mean and deviation; one that is constant stays so."""
    assert layer.bias is not None
    layer.bias.zero_()
    response = layer(x)
    scale = deviation / response.std(dim=(0, 2, 3)).clamp(min=1e-3)
    layer.weight.mul_(scale.view(-1, 1, 1, 1))
    layer.bias.copy_(level - scale * response.mean(dim=(0, 2, 3)))
