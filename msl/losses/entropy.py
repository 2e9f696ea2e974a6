"""Entropy minimisation (MinEnt, arXiv:1811.12833), with which the paper compares the maximum squares loss."""

import torch
from torch import Tensor

from msl.losses.max_square import image_wise_weight
from msl.numerics import ranks
from msl.numerics.bands import mean_over_pixels, per_pixel


def entropy(prob: Tensor, valid: Tensor | None = None) -> Tensor:
    """Mean of -p·log p over N·C·H·W.

    Args:
        prob: (N, C, H, W), summing to 1 over C.
        valid: (N, H, W) bool; the pixels that count. None: all.
    """
    return mean_over_pixels(_entropy_of_pixels(prob), valid) / prob.shape[1]


def iw_entropy(prob: Tensor, ratio: float = 0.2, valid: Tensor | None = None) -> Tensor:
    """Σ -w·p·log p / (N·C) with the weights of `image_wise_weight`.

    Args:
        prob: (N, C, H, W), summing to 1 over C.
        ratio: r of `image_wise_weight`.
        valid: (N, H, W) bool; the pixels that count. None: all.
    """
    weight = image_wise_weight(prob, ratio, valid)  # (N, H, W)
    return (weight * _entropy_of_pixels(prob)).sum() / (ranks.mean_count(prob.shape[0], prob) * prob.shape[1])


def _entropy_of_pixels(prob: Tensor) -> Tensor:
    return per_pixel(lambda p: -(p * _log(p)).sum(dim=1), lambda p: -1 - _log(p), prob)  # (N, H, W)


def _log(prob: Tensor) -> Tensor:
    # A probability that underflowed to 0 adds 0, but the gradient there is infinite and would give NaN.
    return prob.clamp(min=torch.finfo(prob.dtype).tiny).log()
