"""Before an optimizer's step: its learning rates and the norm of the gradients."""

import torch
from torch import nn


def set_lr(optimizer: torch.optim.Optimizer, factor: float) -> None:
    """Give every group `factor` times its initial learning rate."""
    for group in optimizer.param_groups:
        group["lr"] = group["initial_lr"] * factor


def clip_gradients(optimizer: torch.optim.Optimizer, norm: float | None) -> None:
    """Scale the gradients down so that their norm, over all parameters of this optimizer, is at most `norm`.

    None does not change them. Parameters of another optimizer do not count (Pascanu et al., *On the
    difficulty of training recurrent neural networks*, ICML 2013, algorithm 1).
    """
    if norm is not None:
        nn.utils.clip_grad_norm_([p for group in optimizer.param_groups for p in group["params"]], norm)
