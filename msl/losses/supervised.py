"""Cross entropy against labels, those of the data or those that the network makes."""

import torch
from torch import Tensor
from torch.nn import functional as fn

from msl.labels import IGNORE
from msl.numerics.bands import mean_over_pixels, per_pixel


def cross_entropy(logits: Tensor, label: Tensor, ignore_index: int = IGNORE, prob: Tensor | None = None) -> Tensor:
    """Mean over the pixels that have a label; 0 if no pixel has one (PyTorch's mean is NaN then).

    Args:
        logits: (N, C, H, W).
        label: (N, H, W), any integer type.
        ignore_index: label of pixels that do not count.
        prob: the softmax of the logits, in single or double precision, if the caller has it already: then it is not
            computed again, forward or backward. If a label's probability underflows, the smallest normal number takes
            its place (a loss of 87 in single precision); the gradient is exact.
    """
    labelled = label != ignore_index
    label = label.long().masked_fill(~labelled, 0)
    if prob is None:
        surprise = per_pixel(_surprise, _slope, logits, label)
    else:
        surprise = per_pixel(_known_surprise, _known_slope, logits, prob.detach(), label)
    return mean_over_pixels(surprise, labelled)


def _surprise(logits: Tensor, label: Tensor) -> Tensor:
    return fn.cross_entropy(logits, label, reduction="none")  # (N, H, W)


def _slope(logits: Tensor, label: Tensor) -> Tensor:
    return _known_slope(logits, logits.softmax(dim=1), label)


def _known_surprise(_: Tensor, prob: Tensor, label: Tensor) -> Tensor:
    label_prob = prob.gather(1, label.unsqueeze(1)).squeeze(1)  # (N, H, W)
    return -label_prob.clamp(min=torch.finfo(prob.dtype).tiny).log()


def _known_slope(_: Tensor, prob: Tensor, label: Tensor) -> Tensor:
    label = label.unsqueeze(1)
    if prob.device.type == "cpu":
        return prob.scatter_add(1, label, prob.new_full((), -1).expand_as(label))  # (N, C, H, W)
    # On a GPU, torch would sort the pixels first if bits must not vary.
    number = torch.arange(prob.shape[1], device=prob.device).view(1, -1, 1, 1)
    return prob - (label == number).to(prob.dtype)
