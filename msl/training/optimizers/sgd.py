"""Stochastic gradient descent."""

import torch

from msl.config import OptimizerConfig
from msl.models import SegmentationNetwork
from msl.training.optimizers.fused import fused
from msl.training.optimizers.groups import parameter_groups


def sgd(model: SegmentationNetwork, config: OptimizerConfig) -> torch.optim.SGD:
    """SGD with momentum. Norms and biases decay too, as in the published code, unless `decay_norms` is false."""
    groups = parameter_groups(model, config, decay_norms=config.decay_norms is not False)
    return torch.optim.SGD(
        groups, momentum=config.momentum, weight_decay=config.weight_decay, fused=fused(model.parameters())
    )
