"""Optimizers by name, and what all of them share: groups of parameters, learning rates, gradient clipping."""

from msl.training.optimizers.build import OptimizerFactory, build_optimizer
from msl.training.optimizers.groups import parameter_groups
from msl.training.optimizers.restore import restore_optimizer
from msl.training.optimizers.step import clip_gradients, set_lr

__all__ = ["OptimizerFactory", "build_optimizer", "clip_gradients", "parameter_groups", "restore_optimizer", "set_lr"]
