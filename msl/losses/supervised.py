"""Cross entropy against labels, given or made."""

from torch import Tensor
from torch.nn import functional as fn

from msl.labels import IGNORE
from msl.losses.pixels import mean_over_pixels, per_pixel


def cross_entropy(logits: Tensor, label: Tensor, ignore_index: int = IGNORE) -> Tensor:
    """Mean over the pixels that have a label; 0 where none has one (PyTorch's own mean is NaN there).

    Args:
        logits: (N, C, H, W).
        label: (N, H, W), any integer type.
        ignore_index: label of pixels that do not count.
    """
    counted = label != ignore_index
    label = label.long().masked_fill(~counted, 0)
    return mean_over_pixels(per_pixel(_surprise, _surprise_slope, logits, label), counted)


def _surprise(logits: Tensor, label: Tensor) -> Tensor:
    return fn.cross_entropy(logits, label, reduction="none")  # (N, H, W)


def _surprise_slope(logits: Tensor, label: Tensor) -> Tensor:
    label = label.unsqueeze(1)
    return logits.softmax(dim=1).scatter_add_(1, label, logits.new_full((), -1).expand_as(label))  # (N, C, H, W)
