"""The maximum squares loss and its image-wise weighting.

Chen, Xue, Cai: *Domain Adaptation for Semantic Segmentation with Maximum Squares Loss*, ICCV 2019,
arXiv:1909.13589, equations 4 and 7.
"""

import torch
from torch import Tensor

from msl.numerics import ranks
from msl.numerics.bands import by_bands, mean_over_pixels, most_probable, per_pixel


def max_square(prob: Tensor, valid: Tensor | None = None) -> Tensor:
    """Minus half the mean of the squared probabilities: -Σ p² / (2·N·C·H·W).

    Its gradient grows only linearly with p, unlike that of entropy, so that easy pixels do not outweigh hard ones.

    Args:
        prob: (N, C, H, W), summing to 1 over C.
        valid: (N, H, W) bool; the pixels that count. None: all.
    """
    return -mean_over_pixels(_sum_of_squares(prob), valid) / (2 * prob.shape[1])


def iw_max_square(prob: Tensor, ratio: float = 0.2, valid: Tensor | None = None) -> Tensor:
    """Squares weighted by how rare the predicted class is in its image: -Σ w·p² / (N·C).

    The published loss has no factor ½: at N = 1, ratio 0 gives twice `max_square`.

    Args:
        prob: (N, C, H, W), summing to 1 over C.
        ratio: r of `image_wise_weight`.
        valid: (N, H, W) bool; the pixels that count. None: all.
    """
    weight = image_wise_weight(prob, ratio, valid)  # (N, H, W)
    return -(weight * _sum_of_squares(prob)).sum() / (ranks.mean_count(prob.shape[0], prob) * prob.shape[1])


@torch.no_grad()
def image_wise_weight(prob: Tensor, ratio: float, valid: Tensor | None = None) -> Tensor:
    """W = 1 / max(n^r · S^(1-r), 1) of each pixel's predicted class; carries no gradient.

    n is the number of the image's pixels that are predicted as the pixel's class, S the number of all its pixels.
    Each image is counted separately.

    Args:
        prob: (N, C, H, W).
        ratio: r; 0 gives every pixel the weight 1/S, 1 gives every class the same weight.
        valid: (N, H, W) bool; the other pixels do not count and have the weight 0.

    Returns:
        (N, H, W) float32; float64 if `prob` is float64.
    """
    winner = by_bands(most_probable, prob).flatten(1)  # (N, H·W)
    dtype = torch.promote_types(prob.dtype, torch.float32)
    ones = torch.ones_like(winner, dtype=dtype) if valid is None else valid.flatten(1).to(dtype)
    count = _counted(winner, ones, prob.shape[1])  # (N, C)
    size = count.sum(dim=1, keepdim=True)  # (N, 1)
    class_weight = 1 / (count**ratio * size ** (1 - ratio)).clamp(min=1)  # (N, C)
    return (class_weight.gather(1, winner) * ones).view(prob.shape[0], *prob.shape[2:])


def _counted(winner: Tensor, ones: Tensor, classes: int) -> Tensor:
    """Pixels that count, by image and winning class: (N, H·W) twice to (N, C)."""
    if winner.device.type == "cpu":
        return ones.new_zeros(len(winner), classes).scatter_add_(1, winner, ones)
    # On a GPU, adding from many threads into few cells is slow, and torch sorts the pixels if bits must not vary.
    number = torch.arange(classes, device=winner.device).view(1, -1, 1)
    return ((winner.unsqueeze(1) == number) & (ones > 0).unsqueeze(1)).sum(dim=2).to(ones.dtype)


def _sum_of_squares(prob: Tensor) -> Tensor:
    return per_pixel(lambda p: p.square().sum(dim=1), lambda p: 2 * p, prob)  # (N, H, W)
