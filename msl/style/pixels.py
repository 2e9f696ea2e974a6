"""The way into a style and out of it: RGB in [0, 1] from and to 8-bit images."""

import torch
from torch import Tensor

from msl.errors import DataError

SMALLEST = 16  # pixels a side: below, the encoder's last features are too few to be padded by reflection

_SLACK = 0.5  # how far resampling may have carried values out of [0, 1]


def unit_rgb(image: Tensor, name: str) -> Tensor:
    """Images (N, 3, H, W) as float RGB in [0, 1]; integers are taken as 0…255.

    Args:
        image: what to convert.
        name: what it is, for the message.

    Raises:
        DataError: it has another shape, is smaller than 16 pixels or its floats are clearly not in [0, 1].
    """
    if image.ndim != 4 or image.shape[1] != 3:
        raise DataError(f"{name} is {tuple(image.shape)}: RGB images have the shape (N, 3, H, W)")
    if min(image.shape[2:]) < SMALLEST:
        size = f"{image.shape[3]}x{image.shape[2]}"
        raise DataError(f"{name} is {size} (width x height): a style needs {SMALLEST} pixels each way")
    if not image.is_floating_point():
        return image.float() / 255
    low, high = (value.item() for value in image.aminmax())
    if not -_SLACK <= low <= high <= 1 + _SLACK:  # false for NaN too
        raise DataError(f"{name} has values from {low:g} to {high:g}: floats are RGB in [0, 1], divide by 255")
    return image


def to_uint8(image: Tensor) -> Tensor:
    """RGB in [0, 1] to 0…255: clamped, then rounded to nearest. Everything that is saved goes through here.

    A plain cast would cut 0.999 to 254 and let 1.01 overflow to 1.

    Args:
        image: floats of any shape.

    Raises:
        DataError: a value is not a number, which no grey level stands for.
    """
    if image.isnan().any():
        raise DataError("a styled image has pixels that are not a number: check the decoder's weights")
    return (image.float().clamp(0, 1) * 255).round().to(torch.uint8)
