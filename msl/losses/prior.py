"""A prior on how often each class occurs, for images without labels.

Bateson et al., *Source-Free Domain Adaptation for Image Segmentation*, arXiv:2108.03152, whose prior is the size
of each region.
"""

import torch
from torch import Tensor


def class_prior(prob: Tensor, prior: Tensor, valid: Tensor | None = None) -> Tensor:
    """KL(prior ‖ p̄) = Σ π·log(π / p̄), where p̄ is the mean of the probabilities over all pixels of the batch.

    It is 0 if the mean is the prior, and large if a class of the prior is hardly predicted. A class with π = 0 adds
    nothing.

    Args:
        prob: (N, C, H, W), summing to 1 over C.
        prior: (C,), summing to 1.
        valid: (N, H, W) bool; the pixels that count. None: all. If none counts, the result is 0.
    """
    if valid is None:
        mean = prob.mean(dim=(0, 2, 3))  # (C,)
    else:
        mean = prob.masked_fill(~valid[:, None], 0).sum(dim=(0, 2, 3)) / valid.sum().clamp(min=1)
    prior = prior.to(mean.dtype)
    surprise = mean.clamp(min=torch.finfo(mean.dtype).tiny).log()  # of a mean that underflowed, too
    divergence = (torch.xlogy(prior, prior) - prior * surprise).sum()
    return divergence if valid is None else divergence * valid.any()
