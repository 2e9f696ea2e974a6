"""A network from its settings."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from msl.config import ModelConfig
from msl.config.catalog import NETWORKS
from msl.errors import CheckpointError
from msl.models.backbones import DilatedBackbone
from msl.models.network import SegmentationNetwork
from msl.weights import PUBLISHED_HEADS, check_fit, load_file, needs, state_dict_in, torchvision_weights

_FROM_WEIGHTS = ("preprocessing", "bn_affine")  # what is left open follows the weights


def build_model(config: ModelConfig) -> SegmentationNetwork:
    """The network that `config` describes, its backbone started from `config.weights`.

    Its own `config` says which preprocessing those weights need and whether their BatchNorm is affine.

    Raises:
        CheckpointError: the weights cannot be had, do not fit the backbone, or need other settings.
    """
    weights, needed = _backbone_weights(config)
    network: type[SegmentationNetwork] = NETWORKS.load(config.network)
    model = network(agreed(config, needed, f"weights = {config.weights}"))
    if weights is not None:
        load_backbone(model.backbone, weights, config.weights)
    return model


def agreed(config: ModelConfig, needed: Mapping[str, Any], origin: str) -> ModelConfig:
    """`config` with the settings that weights need filled in.

    Raises:
        CheckpointError: it asks for others, with which the weights would compute nonsense without complaint.
    """
    for name, value in needed.items():
        asked = getattr(config, name)
        if asked not in (None, value):
            raise CheckpointError(f"{origin} needs {name} = {value}, not {asked}: leave that option out.")
    filled = config.architecture()
    return config.model_copy(update={name: filled[name] for name in _FROM_WEIGHTS} | dict(needed))


def load_backbone(backbone: DilatedBackbone, weights: dict[str, Tensor], origin: str) -> None:
    """Load a torchvision state dict whole; only heads, for which a segmentation network has its own, are left out.

    Raises:
        CheckpointError: names what is missing, unexpected or of another shape.
    """
    heads = tuple(f"{name}." for name in (*backbone.unused, *PUBLISHED_HEADS))
    kept = {name: value for name, value in weights.items() if not name.startswith(heads)}
    network = backbone.network
    network.load_state_dict(check_fit(kept, network.state_dict(), f"weights = {origin}"))


def _backbone_weights(config: ModelConfig) -> tuple[dict[str, Tensor] | None, dict[str, Any]]:
    """The weights by torchvision's names, and the settings that they need, as far as they are known."""
    if config.weights == "none":
        return None, {}
    if config.weights == "imagenet":
        return _imagenet_weights(config), {"preprocessing": "imagenet_rgb", "bn_affine": True}
    path = Path(config.weights)
    if not path.is_file():
        raise CheckpointError(f"weights = {config.weights}: no such file. Pass none, imagenet or a state dict's path.")
    content = load_file(path)
    return state_dict_in(content), needs(content)


def _imagenet_weights(config: ModelConfig) -> dict[str, Tensor]:
    if config.width != 1:
        raise CheckpointError(f"weights = imagenet exist for width 1 only, not {config.width}: pass weights=none.")
    return torchvision_weights(config.backbone)
