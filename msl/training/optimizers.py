"""The optimizer and its learning-rate schedule."""

from collections.abc import Iterator

import torch
from torch import nn

from msl.config import OptimizerConfig, StyleLossConfig
from msl.models import SegmentationNetwork


def adam(decoder: nn.Module, config: StyleLossConfig) -> torch.optim.Adam:
    """Adam for a style decoder, with its own defaults as in the port."""
    optimizer = torch.optim.Adam(decoder.parameters(), lr=config.style_lr)
    optimizer.param_groups[0]["initial_lr"] = config.style_lr
    return optimizer


def sgd(model: SegmentationNetwork, config: OptimizerConfig) -> torch.optim.SGD:
    """SGD with one group for the backbone and one, faster, for the heads; what is not to be trained is frozen."""
    if config.freeze_stem_bn:
        next(_batch_norms(model.backbone)).requires_grad_(False)
    backbone = [parameter for parameter in model.backbone.parameters() if parameter.requires_grad]
    heads = [parameter for head in model.heads() for parameter in head.parameters()]
    groups = [
        {"params": backbone, "lr": config.lr * config.backbone_lr_ratio},
        {"params": heads, "lr": config.lr * config.head_lr_ratio},
    ]
    for group in groups:
        group["initial_lr"] = group["lr"]  # what the schedule's factor multiplies
    return torch.optim.SGD(groups, momentum=config.momentum, weight_decay=config.weight_decay)


def set_lr(optimizer: torch.optim.Optimizer, factor: float) -> None:
    """Give every group `factor` times its initial learning rate."""
    for group in optimizer.param_groups:
        group["lr"] = group["initial_lr"] * factor


def train_mode(model: nn.Module, freeze_bn: bool) -> None:
    """Train mode; with `freeze_bn`, BatchNorm stays in eval mode: it uses its running statistics and keeps them."""
    model.train()
    if freeze_bn:
        for module in _batch_norms(model):
            module.eval()


def _batch_norms(model: nn.Module) -> Iterator[nn.Module]:
    return (module for module in model.modules() if isinstance(module, nn.modules.batchnorm._BatchNorm))
