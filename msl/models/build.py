"""A network from its settings."""

from pathlib import Path
from urllib.error import URLError

import torch
import torchvision.models as zoo
from torch import Tensor

from msl.config import ModelConfig
from msl.errors import CheckpointError
from msl.models.backbones import DilatedBackbone
from msl.models.deeplabv2 import DeepLabV2
from msl.models.deeplabv3plus import DeepLabV3Plus
from msl.models.network import SegmentationNetwork

_NETWORKS: dict[str, type[SegmentationNetwork]] = {"deeplabv2": DeepLabV2, "deeplabv3plus": DeepLabV3Plus}


def build_model(config: ModelConfig) -> SegmentationNetwork:
    """The network that `config` describes, its backbone started from `config.weights`.

    Raises:
        CheckpointError: the weights cannot be had or do not fit the backbone.
    """
    model = _NETWORKS[config.network](config)
    if config.weights != "none":
        load_backbone(model.backbone, _backbone_weights(config), config.weights)
    return model


def load_backbone(backbone: DilatedBackbone, weights: dict[str, Tensor], origin: str) -> None:
    """Load a torchvision state dict whole; only the classifier, which a segmentation network lacks, is left out.

    Raises:
        CheckpointError: names what is missing, unexpected or of another shape.
    """
    unused = tuple(f"{name}." for name in backbone.unused)
    kept = {name: value for name, value in weights.items() if not name.startswith(unused)}
    own = backbone.network.state_dict()
    problems = {
        "missing": sorted(own.keys() - kept.keys()),
        "unexpected": sorted(kept.keys() - own.keys()),
        "of another shape": sorted(k for k in own.keys() & kept.keys() if own[k].shape != kept[k].shape),
    }
    if any(problems.values()):
        listed = "; ".join(f"{len(keys)} {what} ({', '.join(keys[:3])}, …)" for what, keys in problems.items() if keys)
        raise CheckpointError(
            f"weights = {origin} do not fit the backbone: {listed}. Choose the backbone they are for."
        )
    backbone.network.load_state_dict(kept)


def _backbone_weights(config: ModelConfig) -> dict[str, Tensor]:
    if config.weights == "imagenet":
        return _imagenet_weights(config)
    path = Path(config.weights)
    if not path.is_file():
        raise CheckpointError(f"weights = {config.weights}: no such file. Pass none, imagenet or a state dict's path.")
    return read_state_dict(path)


def _imagenet_weights(config: ModelConfig) -> dict[str, Tensor]:
    if config.width != 1:
        raise CheckpointError(f"weights = imagenet exist for width 1 only, not {config.width}: pass weights=none.")
    weights = zoo.get_model_weights(config.backbone)["IMAGENET1K_V1"]
    try:
        state: dict[str, Tensor] = weights.get_state_dict(progress=True, check_hash=True)
    except (URLError, OSError, RuntimeError) as error:
        raise CheckpointError(
            f"ImageNet weights of {config.backbone} cannot be had: {error}. Put {weights.url.rpartition('/')[2]} into "
            f"{torch.hub.get_dir()}/checkpoints (TORCH_HOME moves that folder) or pass weights=none."
        ) from error
    return state


def read_state_dict(path: Path) -> dict[str, Tensor]:
    """A file that holds a state dict and nothing else; runs no code from the file.

    Raises:
        CheckpointError: the file is damaged or holds something else.
    """
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises pickle, zip, EOF and runtime errors for the kinds of damage
        raise CheckpointError(f"{path} is no file of weights, or a damaged one: {error}") from error
    if not isinstance(state, dict) or not all(isinstance(value, Tensor) for value in state.values()):
        raise CheckpointError(f"{path} holds no plain state dict of tensors.")
    return state
