"""Groups of parameters by rule: which learning rate each parameter has, and whether it decays."""

from collections.abc import Container, Iterator
from typing import Any

from torch import nn

from msl.config import OptimizerConfig
from msl.errors import ConfigError
from msl.models import SegmentationNetwork
from msl.models.batch_norm import batch_norms

Group = dict[str, Any]  # a parameter group of torch.optim


def parameter_groups(model: SegmentationNetwork, config: OptimizerConfig, *, decay_norms: bool) -> list[Group]:
    """One group for the backbone, then one for the heads, each with its own learning rate.

    Without `decay_norms`, each group is split in two: parameters that decay, then those that do not: norms, biases and
    what the backbone names.
    Parameters that are not trained are frozen and in no group.

    Raises:
        ConfigError: freeze_stem_bn is set, and the backbone has no BatchNorm.
    """
    if config.freeze_stem_bn:
        _freeze_stem(model)
    backbone = [parameter for parameter in model.backbone.parameters() if parameter.requires_grad]
    heads = [parameter for head in model.heads() for parameter in head.parameters()]
    groups = [_group(backbone, config.lr * config.backbone_lr_ratio), _group(heads, config.lr * config.head_lr_ratio)]
    constant = {model.backbone.get_parameter(name) for name in model.backbone.constant_parameters()}
    return groups if decay_norms else [part for group in groups for part in _split(group, constant)]


def _group(parameters: list[nn.Parameter], lr: float) -> Group:
    return {"params": parameters, "lr": lr, "initial_lr": lr}  # the schedule's factor multiplies initial_lr


def _split(group: Group, constant: Container[nn.Parameter]) -> Iterator[Group]:
    """Parameters that decay, then those that do not: scales, shifts and biases have at most one dimension."""
    decaying = [parameter for parameter in group["params"] if parameter.ndim > 1 and parameter not in constant]
    lasting = [parameter for parameter in group["params"] if parameter.ndim <= 1 or parameter in constant]
    for part in (group | {"params": decaying}, group | {"params": lasting, "weight_decay": 0.0}):
        if part["params"]:
            yield part


def _freeze_stem(model: SegmentationNetwork) -> None:
    stem = next(batch_norms(model.backbone), None)
    if stem is None:
        raise ConfigError(f"freeze_stem_bn = True: backbone = {model.config.backbone} has no BatchNorm; leave it out")
    stem.requires_grad_(False)
