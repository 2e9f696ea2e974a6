"""Adaptive instance normalisation: features take on another image's mean and deviation, channel by channel.

Huang and Belongie, ICCV 2017, arXiv:1703.06868, equation 8.
"""

from torch import Tensor

from msl.numerics.precision import at_least_single
from msl.numerics.statistics import channel_statistics


def adain(content: Tensor, style: Tensor, eps: float = 1e-5) -> Tensor:
    """σ(s)·(c - μ(c))/σ(c) + μ(s), with σ = sqrt(unbiased variance + eps).

    Args:
        content: features (N, C, H, W).
        style: features (N or 1, C, h, w).
        eps: added under the root.

    Returns:
        (N, C, H, W) of the content's type, computed in float32 or float64.
    """
    return impose(content, *channel_statistics(style, eps), eps)


def impose(content: Tensor, mean: Tensor, deviation: Tensor, eps: float = 1e-5) -> Tensor:
    """`adain` towards statistics that are known already, each (N or 1, C, 1, 1)."""
    content_mean, content_deviation = channel_statistics(content, eps)
    restyled = (at_least_single(content) - content_mean) * (deviation / content_deviation) + mean
    return restyled.to(content.dtype)
