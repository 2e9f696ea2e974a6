"""The maximum squares loss as an objective of the target."""

from torch import Tensor

from msl.config import AdaptationConfig
from msl.losses import iw_max_square, max_square


def maxsquare(logits: Tensor, prob: Tensor, config: AdaptationConfig) -> Tensor:
    """`max_square` of the probabilities (N, C, H, W)."""
    return max_square(prob)


def iw_maxsquare(logits: Tensor, prob: Tensor, config: AdaptationConfig) -> Tensor:
    """`iw_max_square` of the probabilities (N, C, H, W) with ``iw_ratio``."""
    return iw_max_square(prob, config.iw_ratio)
