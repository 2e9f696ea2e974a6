"""The first weights of a decoder: those of the encoder, transposed and in reverse order."""

import torch
from torch import Tensor, nn

from msl.style.encoder import Encoder
from msl.style.network import Decoder

_LEVEL, _DEVIATION = 0.5, 1.0  # of a filter's responses before its ReLU, which lets most of them pass


@torch.no_grad()
def mirror_encoder(encoder: Encoder, images: Tensor) -> Decoder:
    """A decoder whose convolutions are the encoder's transposed; each filter is scaled by its responses to some images.

    Transposed as in Zeiler and Fergus, ECCV 2014, section 2.1; scaled as in Mishkin and Matas, *All You Need Is a Good
    Init*, ICLR 2016. PyTorch's default weights give colours that hardly differ between pixels, because nine layers
    shrink the differences, and training takes long to change that.

    Args:
        encoder: the decoder is for its features.
        images: (N, 3, H, W) in [0, 1]; the decoder begins with their colours' means and deviations.
    """
    decoder = Decoder(encoder.vgg)
    encoder_layers = [layer for layer in encoder.features if isinstance(layer, nn.Conv2d)]
    x = encoder(images)
    for layer in decoder:
        if isinstance(layer, nn.Conv2d):
            layer.weight.copy_(encoder_layers.pop().weight.transpose(0, 1).flip(2, 3))
            if encoder_layers:
                _set_responses(layer, x, torch.tensor(_LEVEL), torch.tensor(_DEVIATION))
            else:
                _set_responses(layer, x, images.mean(dim=(0, 2, 3)), images.std(dim=(0, 2, 3)))
        x = layer(x)
    return decoder


def _set_responses(layer: nn.Conv2d, x: Tensor, level: Tensor, deviation: Tensor) -> None:
    """Give each filter's responses to `x` this mean and deviation; constant responses stay constant."""
    assert layer.bias is not None
    layer.bias.zero_()
    response = layer(x)
    scale = deviation / response.std(dim=(0, 2, 3)).clamp(min=1e-3)
    layer.weight.mul_(scale.view(-1, 1, 1, 1))
    layer.bias.copy_(level - scale * response.mean(dim=(0, 2, 3)))
