"""Labels that the network makes for target images from its own predictions."""

import torch
from torch import Tensor

from msl.labels import IGNORE
from msl.numerics.bands import by_bands, most_probable


@torch.no_grad()
def confident_labels(prob: Tensor, threshold: float, ignore_index: int = IGNORE) -> Tensor:
    """The predicted class where its probability exceeds `threshold` (`target_mode` hard).

    Args:
        prob: (N, C, H, W).
        threshold: in [0, 1]; the probability must be larger.
        ignore_index: label of all other pixels.

    Returns:
        (N, H, W) long.
    """
    return by_bands(lambda p: most_probable(p).masked_fill_(p.amax(dim=1) <= threshold, ignore_index), prob)


@torch.no_grad()
def guidance_labels(prob_main: Tensor, prob_aux: Tensor, threshold: float, ignore_index: int = IGNORE) -> Tensor:
    """Multi-level self-guidance: the class of the mean of both outputs, where either output is confident.

    Chen et al., ICCV 2019, section 3.4. These labels train the auxiliary output.

    Args:
        prob_main: (N, C, H, W).
        prob_aux: (N, C, H, W).
        threshold: in [0, 1]; the largest probability of one of the two outputs must be larger.
        ignore_index: label of all other pixels.

    Returns:
        (N, H, W) long.
    """

    def label_band(main: Tensor, aux: Tensor) -> Tensor:
        confidence = torch.maximum(main.amax(dim=1), aux.amax(dim=1))
        return most_probable(main + aux).masked_fill_(confidence <= threshold, ignore_index)

    return by_bands(label_band, prob_main, prob_aux)
