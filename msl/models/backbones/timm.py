"""timm's networks as ``timm:NAME``: convolutional ones, and transformers whose stages have strides (extra ``timm``).

https://huggingface.co/docs/timm/feature_extraction. Here all of them take images of any size and give maps
(N, C, H, W). Networks that can be dilated are dilated to the output stride; the others keep their strides.
"""

from collections.abc import Sequence
from itertools import product
from types import ModuleType
from typing import Any

import torch
from torch import Tensor, nn

from msl.config import ModelConfig
from msl.config.registry import nearest_names
from msl.errors import CheckpointError, ConfigError
from msl.models.backbones.backbone import Backbone, Features, Stages

_IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))  # mean and deviation of preprocessing = imagenet_rgb
_FINEST = 4  # smallest stride of the early map: finer maps cost more than they help (arXiv:1802.02611, section 4.1)
_SIZE_OPTIONS: tuple[dict[str, bool], ...] = ({"strict_img_size": False}, {"dynamic_img_size": True}, {})
_NO_SUCH_OPTION = (TypeError, AssertionError, RuntimeError)  # raised by networks that do not take an option


class TimmBackbone(Backbone):
    """One of timm's networks that give features at several stages."""

    packages = ("timm",)

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.network = _feature_network(config.backbone, config.architecture()["output_stride"])
        info: Any = self.network.feature_info
        reductions, channels = info.reduction(), info.channels()
        self._levels = _levels(config.backbone, reductions)
        self.strides, self.channels = _at_levels(reductions, self._levels), _at_levels(channels, self._levels)
        self._multiple = max(reductions)
        self._channels_last = getattr(self.network, "output_fmt", None) == "NHWC"
        self._backbone = config.backbone

    @classmethod
    def preprocessing(cls, config: ModelConfig) -> str:
        """The mean and the deviation that timm records for the weights."""
        record = _timm(config.backbone).get_pretrained_cfg(_timm_name(config.backbone))
        if record is None or (tuple(record.mean), tuple(record.std)) == _IMAGENET:
            return "imagenet_rgb"
        return f"rgb:{','.join(map(str, record.mean))}/{','.join(map(str, record.std))}"

    @classmethod
    def imagenet_weights(cls, config: ModelConfig) -> dict[str, Tensor]:
        """The weights that timm has for the name: from the cache of its hub, or else downloaded into it."""
        timm, name = _timm(config.backbone), _timm_name(config.backbone)
        try:
            whole = _whole_network(config.backbone, pretrained=True)
        except Exception as error:  # timm's hub raises its own errors, those of its HTTP client and of the system
            record = timm.get_pretrained_cfg(name)
            address = record and (record.hf_hub_id or record.url)
            source = f"timm looked for them at {address}" if address else "timm has no weights for this name"
            raise CheckpointError(
                f"Weights of {config.backbone} cannot be fetched: {_first_line(error)}. {source}. Fill timm's cache on "
                "a machine with an internet connection (HF_HOME sets the folder), or pass weights=none or a "
                "state dict's path."
            ) from error
        return whole.state_dict()

    def forward(self, image: Tensor) -> Features:
        """Preprocessed images (N, 3, H, W) to feature maps.

        Images are padded with the mean colour to a multiple of the strides.
        """
        height, width = image.shape[2:]
        padded = nn.functional.pad(image, (0, -width % self._multiple, 0, -height % self._multiple))
        maps = self.network(padded)
        low, middle, last = (
            self._crop(maps[level], -(-height // stride), -(-width // stride))
            for level, stride in zip(self._levels, self.strides, strict=True)
        )
        return Features(low, middle, last)

    def constant_parameters(self) -> frozenset[str]:
        """What timm's networks name themselves: embeddings of positions, class tokens, tables of relative positions."""
        names: Any = getattr(_whole_network(self._backbone), "no_weight_decay", set)()
        features = (_feature_name(name, self.network.state_dict().keys()) for name in names)
        return frozenset(f"network.{name}" for name in features if name is not None)

    def match_names(self, weights: dict[str, Tensor]) -> dict[str, Tensor]:
        """A file's weights by timm's names for the features; weights that only the whole network has are left out."""
        names = {name: _feature_name(name, self.network.state_dict().keys()) for name in weights}
        lacking = [name for name, feature_name in names.items() if feature_name is None]
        heads = _whole_network(self._backbone).state_dict().keys() if lacking else set()
        return {names[name] or name: value for name, value in weights.items() if names[name] or name not in heads}

    def _crop(self, feature: Tensor, height: int, width: int) -> Tensor:
        if self._channels_last:
            feature = feature.permute(0, 3, 1, 2)
        return feature[:, :, :height, :width]


def _timm(backbone: str) -> ModuleType:
    try:
        import timm
    except ImportError as error:
        raise ConfigError(
            f"backbone = {backbone} needs timm, which is not installed: pip install 'msl[timm]'"
        ) from error
    return timm


def _timm_name(backbone: str) -> str:
    """The name that timm gives to the network; ``resnet18.a1_in1k`` names its weights too."""
    timm, name = _timm(backbone), backbone.partition(":")[2]
    names = timm.list_models() + timm.list_pretrained()
    if name not in names:
        raise ConfigError(
            f"backbone = {backbone}: timm {timm.__version__} has no network of that name; {nearest_names(name, names)}"
            "timm.list_models() lists them all."
        )
    return name


def _whole_network(backbone: str, pretrained: bool = False) -> nn.Module:
    """The network with its classifier; its random weights do not change the random numbers of training."""
    with torch.random.fork_rng(devices=[]):
        network: nn.Module = _timm(backbone).create_model(_timm_name(backbone), pretrained=pretrained)
    return network


def _feature_network(backbone: str, output_stride: int) -> Any:
    """The features of a network: dilated to the output stride, for images of any size, if it takes these options."""
    timm, name = _timm(backbone), _timm_name(backbone)
    stride_options: tuple[dict[str, int], ...] = ({"output_stride": output_stride}, {})
    refusal: Exception | None = None
    for strides, sizes in product(stride_options, _SIZE_OPTIONS):
        try:
            return timm.create_model(name, features_only=True, **strides, **sizes)
        except _NO_SUCH_OPTION as error:
            refusal = error
    raise ConfigError(f"backbone = {backbone} gives no features: {_first_line(refusal)}") from refusal


def _levels(backbone: str, reductions: Sequence[int]) -> tuple[int, int, int]:
    """The numbers of the early map, the last but one and the last."""
    early = [level for level, stride in enumerate(reductions) if stride >= _FINEST]
    if len(early) < 2:
        raise ConfigError(
            f"backbone = {backbone} has features at strides {', '.join(map(str, reductions))}; a head needs two maps "
            f"at {_FINEST} or more. Choose another backbone."
        )
    return early[0], len(reductions) - 2, len(reductions) - 1


def _at_levels(numbers: Sequence[int], levels: tuple[int, int, int]) -> Stages:
    return Stages(*(numbers[level] for level in levels))


def _feature_name(name: str, feature_names: Any) -> str | None:
    """The features' name for a parameter of the whole network: timm wraps it, or joins its first two parts."""
    first, _, inner = name.partition(".")
    second, _, last = inner.partition(".")
    candidates = (name, f"model.{name}", f"body.{name}", f"{first}_{second}.{last}")
    return next((candidate for candidate in candidates if candidate in feature_names), None)


def _first_line(error: Exception | None) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
