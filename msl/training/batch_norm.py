"""Train mode, in which BatchNorm learns or not."""

from torch import nn

from msl.models.batch_norm import batch_norms


def train_mode(model: nn.Module, freeze_bn: bool) -> None:
    """Set train mode; with `freeze_bn`, BatchNorm stays in eval mode: it uses its running statistics unchanged."""
    model.train()
    if freeze_bn:
        for module in batch_norms(model):
            module.eval()
