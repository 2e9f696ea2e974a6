"""AdamW, with which transformers are trained."""

import torch

from msl.config import OptimizerConfig
from msl.models import SegmentationNetwork
from msl.training.optimizers.fused import fused
from msl.training.optimizers.groups import parameter_groups


def adamw(model: SegmentationNetwork, config: OptimizerConfig) -> torch.optim.AdamW:
    """Adam with decoupled weight decay (Loshchilov and Hutter, ICLR 2019, arXiv:1711.05101).

    Norms and biases do not decay, as is usual for transformers, unless `decay_norms` is true.
    """
    groups = parameter_groups(model, config, decay_norms=config.decay_norms is True)
    return torch.optim.AdamW(
        groups,
        betas=config.betas,
        eps=config.eps,
        weight_decay=config.weight_decay,
        fused=fused(model.parameters()),
    )
