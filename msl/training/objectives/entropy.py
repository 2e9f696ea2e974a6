"""Entropy minimisation as an objective of the target."""

from torch import Tensor

from msl import losses
from msl.config import AdaptationConfig


def entropy(logits: Tensor, prob: Tensor, config: AdaptationConfig) -> Tensor:
    """`msl.losses.entropy` of the probabilities (N, C, H, W)."""
    return losses.entropy(prob)


def iw_entropy(logits: Tensor, prob: Tensor, config: AdaptationConfig) -> Tensor:
    """`msl.losses.iw_entropy` of the probabilities (N, C, H, W) with ``iw_ratio``."""
    return losses.iw_entropy(prob, config.iw_ratio)
