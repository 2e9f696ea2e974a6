"""The network's own confident predictions as labels of the target."""

from torch import Tensor

from msl.config import AdaptationConfig
from msl.losses import confident_labels, cross_entropy


def hard(logits: Tensor, prob: Tensor, config: AdaptationConfig) -> Tensor:
    """Cross entropy of the logits (N, C, H, W) against the predicted classes that exceed ``threshold``."""
    return cross_entropy(logits, confident_labels(prob, config.threshold), prob=prob)
