"""Cross entropy in which every pixel has its own weight, as self-training needs it (DACS, arXiv:2007.08702, eq. 4)."""

import torch
from torch import Tensor
from torch.nn import functional as fn

from msl.labels import IGNORE
from msl.numerics import ranks
from msl.numerics.bands import per_pixel


def weighted_cross_entropy(logits: Tensor, label: Tensor, weight: Tensor, ignore_index: int = IGNORE) -> Tensor:
    """Σ w·CE over the pixels that have a label, divided by the number of all pixels, as in the published code.

    Args:
        logits: (N, C, H, W).
        label: (N, H, W), any integer type.
        weight: (N, H, W), at least 0; it carries no gradient.
        ignore_index: label of pixels that add nothing.
    """
    is_labelled = label != ignore_index
    label = label.long().masked_fill(~is_labelled, 0)
    surprise = per_pixel(_surprise, _slope, logits, label)  # (N, H, W)
    return ranks.mean(surprise * weight.detach().masked_fill(~is_labelled, 0))


def _surprise(logits: Tensor, label: Tensor) -> Tensor:
    return fn.cross_entropy(logits, label, reduction="none")  # (N, H, W)


def _slope(logits: Tensor, label: Tensor) -> Tensor:
    number = torch.arange(logits.shape[1], device=logits.device).view(1, -1, 1, 1)
    prob = logits.softmax(dim=1)
    return prob - (label.unsqueeze(1) == number).to(prob.dtype)  # (N, C, H, W); to scatter would not be deterministic
