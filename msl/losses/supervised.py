"""Cross entropy against labels, given or made."""

from torch import Tensor
from torch.nn import functional as fn

from msl.labels import IGNORE
from msl.losses.precision import at_least_single


def cross_entropy(logits: Tensor, label: Tensor, ignore_index: int = IGNORE) -> Tensor:
    """Mean over the pixels that have a label; 0 where none has one (PyTorch's own mean is NaN there).

    Args:
        logits: (N, C, H, W).
        label: (N, H, W), any integer type.
        ignore_index: label of pixels that do not count.
    """
    label = label.long()
    total = fn.cross_entropy(at_least_single(logits), label, ignore_index=ignore_index, reduction="sum")
    return total / (label != ignore_index).sum().clamp(min=1)
