"""The losses of a style decoder, on features of a frozen encoder.

Huang and Belongie: *Arbitrary Style Transfer in Real-time with Adaptive Instance Normalization*, ICCV 2017,
arXiv:1703.06868, equations 12 and 13. Mean squares replace the norms, as in the widely used PyTorch port
(https://github.com/naoto0804/pytorch-AdaIN), for whose weights these losses are meant.
"""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as fn

from msl.numerics import ranks
from msl.numerics.precision import at_least_single
from msl.numerics.statistics import channel_statistics


def content_loss(features: Tensor, target: Tensor) -> Tensor:
    """Mean square between the features of the decoded image and the features that were decoded (equation 12).

    Args:
        features: (N, C, H, W).
        target: the same shape; carries no gradient.
    """
    loss = fn.mse_loss(at_least_single(features), at_least_single(target.detach()))
    return ranks.weighed_mean(loss, len(features))


def identity_loss(decoded: Tensor, image: Tensor) -> Tensor:
    """Mean square between an image that was decoded from its own features and the image itself.

    The pixels' part of the identity loss of Park and Lee, CVPR 2019, arXiv:1812.02342. Losses on features hardly tell
    a decoder what to paint; this loss does.

    Args:
        decoded: (N, 3, H', W'), H' ≥ H and W' ≥ W; the rows and columns that the encoder's pooling added do not count.
        image: (N, 3, H, W) in [0, 1].
    """
    height, width = image.shape[2:]
    loss = fn.mse_loss(at_least_single(decoded)[:, :, :height, :width], image)
    return ranks.weighed_mean(loss, len(image))


def style_loss(features: Sequence[Tensor], styles: Sequence[Tensor], eps: float = 1e-5) -> Tensor:
    """Σ over layers of the mean squares between means and between deviations (equation 13).

    Args:
        features: of the decoded image, one (N, C, H, W) for each layer.
        styles: of the style image, one (N, C, h, w) for each layer; carry no gradient.
        eps: as in `channel_statistics`.
    """
    losses = []
    for decoded, style in zip(features, styles, strict=True):
        mean, deviation = channel_statistics(decoded, eps)
        style_mean, style_deviation = channel_statistics(style.detach(), eps)
        losses.append(fn.mse_loss(mean, style_mean) + fn.mse_loss(deviation, style_deviation))
    return ranks.weighed_mean(torch.stack(losses).sum(), len(features[0]))
