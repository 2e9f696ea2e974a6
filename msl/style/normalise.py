"""Encoders whose filters all respond equally strongly: losses on their features then have the same scale.

Gatys, Ecker and Bethge: *Image Style Transfer Using Convolutional Neural Networks*, CVPR 2016, section 2. The AdaIN
port's ``vgg_normalised.pth`` is such a VGG-19.
"""

import torch
from torch import Tensor, nn

from msl.style.encoder import Encoder

_LEAST = 0.1  # smallest response of a filter, as a share of its layer's mean response


@torch.no_grad()
def normalise(encoder: Encoder, images: Tensor) -> None:
    """Scale each filter to a mean response of one after its ReLU; the next layer's weights undo the scaling.

    ReLU and pooling commute with a positive factor, so the features stay the same, in other units. A filter that hardly
    responds to these images counts as one that responds a tenth as much as its layer. Otherwise its response to other
    images could outweigh all other filters.

    Args:
        encoder: changed in place.
        images: (N, 3, H, W) in [0, 1]; responses are averaged over them.
    """
    x = encoder.colour(images)
    scale = x.new_ones(x.shape[1])
    for layer in encoder.features:
        if isinstance(layer, nn.Conv2d):
            layer.weight.div_(scale.view(1, -1, 1, 1))
            response = layer(x).relu_().mean(dim=(0, 2, 3))  # (C,)
            scale = 1 / response.clamp(min=_LEAST * float(response.mean()))
            layer.weight.mul_(scale.view(-1, 1, 1, 1))
            assert layer.bias is not None
            layer.bias.mul_(scale)
        x = layer(x)
