"""The optimizer that the settings name."""

from typing import Protocol

import torch

from msl.config import OptimizerConfig
from msl.config.catalog import OPTIMIZERS
from msl.models import SegmentationNetwork


class OptimizerFactory(Protocol):
    """Makes the kind of optimizer that the setting `optimizer` names."""

    def __call__(self, model: SegmentationNetwork, config: OptimizerConfig) -> torch.optim.Optimizer:
        """The optimizer of a network, over its `parameter_groups`."""


def build_optimizer(model: SegmentationNetwork, config: OptimizerConfig) -> torch.optim.Optimizer:
    """The optimizer that `config` describes; raises as `parameter_groups` does."""
    factory: OptimizerFactory = OPTIMIZERS.load(config.optimizer)
    return factory(model, config)
