"""A network from its settings."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from msl.config import ModelConfig
from msl.config.catalog import BACKBONES, NETWORKS
from msl.errors import CheckpointError, ConfigError
from msl.models.backbones import Backbone, check_declaration
from msl.models.network import SegmentationNetwork
from msl.references import STREETS, STREETS_BACKBONE, STREETS_WIDTH, backbone_file
from msl.weights import check_fit, inner_state, load_file, state_dict_in


def build_model(config: ModelConfig) -> SegmentationNetwork:
    """The network that `config` describes, its backbone started from `config.weights`.

    The network's `config` says which preprocessing those weights need, whether their BatchNorm is affine, and which
    output stride the backbone has.

    Raises:
        CheckpointError: the weights cannot be found, do not fit the backbone, or need other settings.
        ConfigError: the backbone cannot be built, or does not fit the network.
    """
    implementation: type[Backbone] = BACKBONES.load(config.backbone)
    defaults = {
        "preprocessing": config.preprocessing or implementation.preprocessing(config),
        "bn_affine": config.bn_affine is not False,
    }
    weights, needed = _backbone_weights(config, implementation)
    full_config = fill_in(config, defaults | needed, f"weights = {config.weights}")
    backbone = implementation(full_config)
    check_declaration(backbone, config.backbone)
    network: type[SegmentationNetwork] = NETWORKS.load(config.network)
    model = network(_with_output_stride(full_config, backbone), backbone)
    if weights is not None:
        load_backbone(backbone, weights, config.weights)
    return model


def fill_in(config: ModelConfig, needed: Mapping[str, Any], origin: str) -> ModelConfig:
    """`config` with the settings that weights need.

    Raises:
        CheckpointError: `config` has other values, with which the weights would compute nonsense without an error.
    """
    for name, value in needed.items():
        setting = getattr(config, name)
        if setting not in (None, value):
            raise CheckpointError(f"{origin} needs {name} = {value}, not {setting}: leave that option out.")
    return config.model_copy(update=dict(needed))


def settings_of_weights(content: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of the network that the weights in a file decide, as far as their names show them."""
    state = state_dict_in(content)
    is_caffe = any(".conv2d_list." in name or "Scale." in name for name in inner_state(content))
    norms = [name.removesuffix("running_mean") for name in state if name.endswith(".running_mean")]
    preprocessing = {"preprocessing": "caffe_bgr"} if is_caffe else {}
    return preprocessing | ({"bn_affine": any(f"{norm}weight" in state for norm in norms)} if norms else {})


def load_backbone(backbone: Backbone, weights: dict[str, Tensor], origin: str) -> None:
    """Load a library's whole state dict except the heads, because a segmentation network has its own.

    Raises:
        CheckpointError: names what is missing, unexpected or of another shape.
    """
    network = backbone.network
    network.load_state_dict(check_fit(backbone.match_names(weights), network.state_dict(), f"weights = {origin}"))


def _backbone_weights(
    config: ModelConfig, implementation: type[Backbone]
) -> tuple[dict[str, Tensor] | None, dict[str, Any]]:
    """The weights by their library's names, and the settings that they need, as far as they are known."""
    if config.weights == "none":
        return None, {}
    if config.weights == "imagenet":
        needed = {"preprocessing": implementation.preprocessing(config), "bn_affine": True}
        return implementation.imagenet_weights(config), needed
    if config.weights == STREETS and (config.backbone, config.width) != (STREETS_BACKBONE, STREETS_WIDTH):
        raise CheckpointError(
            f"weights = {STREETS} exist only for backbone = {STREETS_BACKBONE} with width = {STREETS_WIDTH}, not for "
            f"{config.backbone} with {config.width}: pass weights=none."
        )
    path = backbone_file(config.weights)
    if not path.is_file():
        raise CheckpointError(
            f"weights = {config.weights}: no such file. Pass none, imagenet, streets or a state dict's path."
        )
    content = load_file(path)
    return state_dict_in(content), settings_of_weights(content)


def _with_output_stride(config: ModelConfig, backbone: Backbone) -> ModelConfig:
    """The settings with the output stride that the backbone has."""
    low, middle, last = backbone.strides
    if config.output_stride not in (None, last):
        raise ConfigError(
            f"output_stride = {config.output_stride}: backbone = {config.backbone} has features at strides {low}, "
            f"{middle} and {last}. Leave output_stride out or pass {last}."
        )
    return config.model_copy(update={"output_stride": last})
