"""The strides and channels that a backbone declares, compared with those of its features."""

import torch
from torch import Tensor, nn

from msl.errors import ConfigError
from msl.models.backbones.backbone import Backbone, Features, Stages

_HEIGHT, _WIDTH = 32, 64  # pixels of the trial image


@torch.no_grad()
def check_declaration(backbone: Backbone, name: str) -> None:
    """Try a backbone on one small image: a wrong declaration is refused before training starts.

    Raises:
        ConfigError: it cannot take such an image, or its maps have other channels or sizes than it declares.
    """
    features = _trial_features(backbone, name)
    expected = zip(features, backbone.channels, backbone.strides, strict=True)
    if all(_fits(feature, channels, stride) for feature, channels, stride in expected):
        return
    measured = ["{1} channels of {2}x{3}".format(*feature.shape) for feature in features]
    raise ConfigError(
        f"backbone = {name} declares strides {_join(backbone.strides)} and channels {_join(backbone.channels)}, "
        f"but for an image of {_HEIGHT}x{_WIDTH} pixels it gives {', '.join(measured)}. "
        "Correct the declaration, or choose another backbone."
    )


def _join(numbers: Stages) -> str:
    """``4, 16, 32``."""
    return ", ".join(map(str, numbers))


def _fits(feature: Tensor, channels: int, stride: int) -> bool:
    height, width = feature.shape[2:]
    return feature.shape[1] == channels and _is_part(height, _HEIGHT, stride) and _is_part(width, _WIDTH, stride)


def _is_part(length: int, whole: int, stride: int) -> bool:
    """Whether `length` is `whole` / `stride`, rounded down or up, or one more: Caffe's pooling adds one."""
    return whole // stride <= length <= -(-whole // stride) + 1


def _trial_features(backbone: Backbone, name: str) -> Features:
    modes: dict[nn.Module, bool] = {module: module.training for module in backbone.modules()}
    backbone.eval()  # BatchNorm's statistics stay as they are, and no random number is drawn
    try:
        features: Features = backbone(torch.zeros(1, 3, _HEIGHT, _WIDTH, dtype=torch.get_default_dtype()))
    except (RuntimeError, ValueError, AssertionError, IndexError) as error:  # the errors of networks with a fixed size
        reason = str(error).splitlines()[0].rstrip(".") if str(error) else type(error).__name__
        raise ConfigError(
            f"backbone = {name} does not take images of every size: one of {_HEIGHT}x{_WIDTH} pixels fails with "
            f'"{reason}". Choose another backbone.'
        ) from error
    finally:
        for module, training in modes.items():
            module.training = training
    return features
