"""Settings of the optimizer."""

from pydantic import Field

from msl.config.group import Group


class OptimizerConfig(Group):
    """Stochastic gradient descent with the polynomial schedule."""

    batch_size: int = Field(1, ge=1, description="Images of each domain in one step.")
    lr: float = Field(2.5e-4, gt=0, description="Learning rate at step 0.")
    head_lr_ratio: float = Field(10.0, gt=0, description="Learning rate of the heads, as a multiple of lr.")
    backbone_lr_ratio: float = Field(
        1.0,
        gt=0,
        description="Learning rate of the backbone, as a multiple of lr; 3 = as in the published code, whose list of "
        "parameters holds the backbone's three times.",
    )
    momentum: float = Field(0.9, ge=0, lt=1, description="SGD momentum.")
    weight_decay: float = Field(5e-4, ge=0, description="SGD weight decay.")
    poly_power: float = Field(0.9, ge=0, description="p in lr(t) = lr (1 - t/T)^p.")
    freeze_bn: bool = Field(False, description="Keep BatchNorm in eval mode: no batch statistics, no running update.")
    freeze_stem_bn: bool = Field(
        False, description="Do not train scale and shift of the backbone's first BatchNorm, as in the published code."
    )
