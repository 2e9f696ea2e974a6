"""Settings of the optimizer."""

from typing import Annotated

from pydantic import Field

from msl.config.catalog import OptimizerName
from msl.config.choice import OnlyWith
from msl.config.group import Group
from msl.config.values import Betas


class OptimizerConfig(Group):
    """The optimizer, and the polynomial schedule of its learning rates."""

    optimizer: OptimizerName = Field(
        "sgd",
        description="Optimizer. If you give it, a parent stage that runs first also gets it, with "
        "every optimizer setting that you give (batch_size, lr, …); if not, the parent has the recipe's settings.",
    )
    batch_size: int = Field(1, ge=1, le=4096, description="Images of each domain in one step.")
    lr: float = Field(
        2.5e-4,
        gt=0,
        description="Learning rate at step 0, without warm-up. Recipes have values for sgd, so another optimizer "
        "needs a value here; adamw usually needs 6e-5.",
    )
    head_lr_ratio: float = Field(10.0, gt=0, description="Learning rate of the heads, as a multiple of lr.")
    backbone_lr_ratio: float = Field(
        1.0,
        gt=0,
        description="Learning rate of the backbone, as a multiple of lr; 3 = as in the published code, whose list of "
        "parameters contains those of the backbone three times.",
    )
    momentum: Annotated[float, OnlyWith("optimizer", "sgd")] = Field(0.9, ge=0, lt=1, description="SGD momentum.")
    betas: Annotated[Betas, OnlyWith("optimizer", "adamw")] = Field(
        (0.9, 0.999), description="Decay of AdamW's running means of the gradient and of its square."
    )
    eps: Annotated[float, OnlyWith("optimizer", "adamw")] = Field(
        1e-8, gt=0, description="Constant that AdamW adds to the divisor."
    )
    weight_decay: float = Field(5e-4, ge=0, description="Weight decay; adamw usually needs 0.01.")
    decay_norms: bool | None = Field(
        None,
        description="Weight decay also applies to norms, biases and the embeddings that timm names; none = with sgd it "
        "does, with adamw it does not.",
    )
    clip_norm: float | None = Field(
        None,
        gt=0,
        description="Largest norm of a step's gradients, over all weights together; larger gradients are scaled down "
        "to it; none = no limit.",
    )
    warmup_iters: int = Field(
        0, ge=0, description="Iterations in which the learning rates rise to those of the schedule; 0 = no warm-up."
    )
    warmup_ratio: float = Field(
        1e-6, ge=0, le=1, description="Learning rate at step 0 of a warm-up, as a multiple of the schedule's."
    )
    poly_power: float = Field(0.9, ge=0, description="p in lr(t) = lr (1 - t/T)^p.")
    freeze_bn: bool = Field(False, description="Keep BatchNorm in eval mode: no batch statistics, no running update.")
    freeze_stem_bn: bool = Field(
        False, description="Do not train scale and shift of the backbone's first BatchNorm, as in the published code."
    )
