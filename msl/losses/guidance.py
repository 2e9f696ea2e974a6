"""Labels that the network makes for itself on target images."""

import torch
from torch import Tensor

from msl.labels import IGNORE


@torch.no_grad()
def confident_labels(prob: Tensor, threshold: float, ignore_index: int = IGNORE) -> Tensor:
    """The predicted class where its probability exceeds `threshold` (`target_mode` hard).

    Args:
        prob: (N, C, H, W).
        threshold: in [0, 1]; exceeded strictly.
        ignore_index: label of all other pixels.

    Returns:
        (N, H, W) long.
    """
    confidence, label = prob.max(dim=1)
    return label.masked_fill(confidence <= threshold, ignore_index)


@torch.no_grad()
def guidance_labels(prob_main: Tensor, prob_aux: Tensor, threshold: float, ignore_index: int = IGNORE) -> Tensor:
    """Multi-level self-guidance: the class of the mean of both outputs, where either output is confident.

    Chen et al., ICCV 2019, section 3.4; trains the auxiliary output.

    Args:
        prob_main: (N, C, H, W).
        prob_aux: (N, C, H, W).
        threshold: in [0, 1]; exceeded strictly by the larger of the two outputs' own maxima.
        ignore_index: label of all other pixels.

    Returns:
        (N, H, W) long.
    """
    label = (prob_main + prob_aux).argmax(dim=1)
    confidence = torch.maximum(prob_main.amax(dim=1), prob_aux.amax(dim=1))
    return label.masked_fill(confidence <= threshold, ignore_index)
