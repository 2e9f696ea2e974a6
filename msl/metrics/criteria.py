"""Criteria that need no labels: numbers by which a network can be chosen for a domain.

Each object adds up images one after the other, so neither batches nor processes change its value. The probabilities are
those at the resolution of the network's logits: enlarging them adds nothing. Units and directions are in the table
`msl.schema.CRITERIA`.
"""

from collections.abc import Mapping
from typing import Protocol

import torch
from torch import Tensor

_SEED = 20210823  # of the pixels that SND compares; any fixed number
_PIXELS = 100  # of each image, as in the published code of SND
_TEMPERATURE = 0.05  # of its similarities
MIXED_SHARE = 0.55  # of the first image in MixVal's mixtures


class Criterion(Protocol):
    """What adds up the probabilities of one image after the other."""

    def add(self, prob: Tensor) -> None:
        """Add the probabilities (1, C, h, w) of the next image."""

    def value(self) -> float:
        """The number over all images; NaN if it has none."""


class Entropy:
    """Mean entropy of a pixel: -Σ p log p, in nats. Low where the network is sure."""

    def __init__(self) -> None:
        self._sum, self._images = 0.0, 0

    def add(self, prob: Tensor) -> None:
        """Add an image (1, C, h, w)."""
        self._sum += float(_entropy(prob.double(), dim=1).mean())
        self._images += 1

    def value(self) -> float:
        """The mean over all pixels."""
        return self._sum / self._images if self._images else float("nan")


class Information:
    """Mutual information of pixel and class: the entropy of the mean prediction minus the mean entropy, in nats.

    High where each pixel is sure and all classes occur (Bridle et al., *Unsupervised Classifiers, Mutual Information
    and Phantom Targets*, NIPS 1991).
    """

    def __init__(self) -> None:
        self._entropy, self._shares, self._images = Entropy(), torch.zeros(()), 0

    def add(self, prob: Tensor) -> None:
        """Add an image (1, C, h, w)."""
        self._entropy.add(prob)
        self._shares = self._shares + prob.double().mean(dim=(0, 2, 3)).cpu()
        self._images += 1

    def value(self) -> float:
        """The information over all pixels."""
        if not self._images:
            return float("nan")
        return float(_entropy(self._shares / self._images, dim=0)) - self._entropy.value()


class NeighbourhoodDensity:
    """Soft neighbourhood density: high where pixels of a class lie close together, in nats.

    Saito et al., *Tune it the Right Way*, ICCV 2021, arXiv:2108.10860: 100 random pixels of an image, similarities of
    their predictions of length 1 divided by 0.05, softmax over the others, mean entropy. Each pixel's similarity with
    itself is left out: the published code keeps it, and it outweighs all others.
    """

    def __init__(self) -> None:
        self._sum, self._images = 0.0, 0

    def add(self, prob: Tensor) -> None:
        """Add an image (1, C, h, w) of at least three pixels. Its number decides which pixels are compared."""
        pixels = prob[0].double().flatten(1).T.cpu()  # (h w, C)
        generator = torch.Generator().manual_seed(_SEED + self._images)
        chosen = pixels[torch.randperm(len(pixels), generator=generator)[:_PIXELS]]  # (n, C)
        chosen = chosen / chosen.norm(dim=1, keepdim=True)
        similarity = (chosen @ chosen.T) / _TEMPERATURE
        similarity.fill_diagonal_(-torch.inf)
        self._sum += float(_entropy(similarity.softmax(dim=1), dim=1).mean())
        self._images += 1

    def value(self) -> float:
        """The mean over all images."""
        return self._sum / self._images if self._images else float("nan")


class MixedConsistency:
    """MixVal for dense predictions: the share of pixels that keep their class when another image is mixed in.

    Hu, Liang, Liew, Xue, Bai and Wang, *Mixed Samples as Probes for Unsupervised Model Selection in Domain Adaptation*,
    NeurIPS 2023: mixtures of 0.55 and 0.45; the labels are the network's own. In percent.
    """

    def __init__(self) -> None:
        self._same, self._pixels = 0, 0

    def add(self, alone: Tensor, mixed: Tensor) -> None:
        """Add the predicted classes (1, h, w) of an image alone and of the mixture in which its share is larger."""
        self._same += int((alone == mixed).sum())
        self._pixels += alone.numel()

    def value(self) -> float:
        """The share over all pixels."""
        return 100 * self._same / self._pixels if self._pixels else float("nan")


Normal = tuple[Tensor, Tensor]  # mean and variance (C,) of each channel


def statistics_drift(measured: Mapping[str, Normal], stored: Mapping[str, Normal], eps: float = 1e-5) -> float:
    """How far the inputs of the BatchNorm layers are from their stored statistics; 0 if they agree.

    Mean over layers of the mean over channels of the symmetric Kullback-Leibler divergence of two normal distributions,
    after Lee et al., *Unsupervised Model Drift Estimation with Batch Normalization Statistics*, arXiv:2107.00191
    (without its low-rank approximation). NaN without a layer.

    Args:
        measured: mean and variance of what each layer was given, by its name.
        stored: its running mean and variance, by its name.
        eps: is added to variances, as BatchNorm does.
    """
    drifts = []
    for name, normal in measured.items():
        mean, variance = (part.double() for part in normal)
        stored_mean, stored_variance = (part.double() for part in stored[name])
        variances, stored_variances = variance + eps, stored_variance + eps
        squares = (mean - stored_mean).square()
        drifts.append(
            ((variances + squares) / stored_variances + (stored_variances + squares) / variances).mean() / 2 - 1
        )
    return float(torch.stack(drifts).mean()) if drifts else float("nan")


def _entropy(prob: Tensor, dim: int) -> Tensor:
    entropy: Tensor = torch.special.entr(prob).sum(dim=dim)
    return entropy
