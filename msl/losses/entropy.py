"""Entropy minimisation, the objective that the maximum squares loss is compared with (MinEnt, arXiv:1811.12833)."""

import torch
from torch import Tensor

from msl.losses.max_square import image_wise_weight, mean_over_pixels
from msl.losses.precision import at_least_single


def entropy(prob: Tensor, valid: Tensor | None = None) -> Tensor:
    """Mean of -p·log p over N·C·H·W.

    Args:
        prob: (N, C, H, W), summing to 1 over C.
        valid: (N, H, W) bool; pixels that count, all if left out.
    """
    return mean_over_pixels(_entropy_of_pixels(prob), valid) / prob.shape[1]


def iw_entropy(prob: Tensor, ratio: float = 0.2, valid: Tensor | None = None) -> Tensor:
    """Σ -w·p·log p / (N·C) with the weights of `image_wise_weight`.

    Args:
        prob: (N, C, H, W), summing to 1 over C.
        ratio: r of `image_wise_weight`.
        valid: (N, H, W) bool; pixels that count, all if left out.
    """
    weight = image_wise_weight(prob, ratio, valid)  # (N, H, W)
    return (weight * _entropy_of_pixels(prob)).sum() / (prob.shape[0] * prob.shape[1])


def _entropy_of_pixels(prob: Tensor) -> Tensor:
    prob = at_least_single(prob)
    # A probability that underflowed to 0 adds 0, but log's gradient there is infinite and would give NaN.
    log_prob = prob.clamp(min=torch.finfo(prob.dtype).tiny).log()
    return -(prob * log_prob).sum(dim=1)  # (N, H, W)
