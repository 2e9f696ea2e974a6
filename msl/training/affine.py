"""Training of BatchNorm's scales and shifts alone (Wang et al., *Tent*, ICLR 2021, arXiv:2006.10726)."""

from msl.errors import ConfigError
from msl.models import SegmentationNetwork
from msl.models.batch_norm import batch_norms


def freeze_all_but_affine(network: SegmentationNetwork) -> None:
    """Freeze every weight of backbone and heads except the scale and shift of each BatchNorm.

    The running statistics still follow the batches, unless BatchNorm is in eval mode.

    Raises:
        ConfigError: the network has no BatchNorm with a scale and a shift.
    """
    parts = [network.backbone, *network.heads()]
    affine = {parameter for part in parts for norm in batch_norms(part) for parameter in norm.parameters()}
    if not affine:
        raise ConfigError(
            f"trained_weights = bn_affine: backbone = {network.config.backbone} has no BatchNorm with a scale and a "
            "shift. Pass trained_weights=all."
        )
    for part in parts:
        for parameter in part.parameters():
            parameter.requires_grad_(parameter in affine)
