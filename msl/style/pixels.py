"""Conversion of images to RGB in [0, 1] and back to 8 bits."""

import torch
from torch import Tensor

from msl.errors import DataError

SMALLEST = 16  # side in pixels: a smaller image has too few last features for reflection padding

_SLACK = 0.5  # resampling may move values out of [0, 1] by so much


def unit_rgb(image: Tensor, name: str) -> Tensor:
    """Images (N, 3, H, W) as float RGB in [0, 1]; integers are taken as 0…255.

    Args:
        image: what to convert.
        name: of the image, for the message.

    Raises:
        DataError: it has another shape, is smaller than 16 pixels, or its floats are far outside [0, 1].
    """
    if image.ndim != 4 or image.shape[1] != 3:
        raise DataError(f"{name} is {tuple(image.shape)}: RGB images have the shape (N, 3, H, W)")
    if min(image.shape[2:]) < SMALLEST:
        size = f"{image.shape[3]}x{image.shape[2]}"
        raise DataError(
            f"{name} is {size} (width x height): a style needs at least {SMALLEST} pixels in each direction"
        )
    if not image.is_floating_point():
        return image.float() / 255
    low, high = (value.item() for value in image.aminmax())
    if not -_SLACK <= low <= high <= 1 + _SLACK:  # false for NaN too
        raise DataError(f"{name} has values from {low:g} to {high:g}: floats are RGB in [0, 1], divide by 255")
    return image


def to_uint8(image: Tensor) -> Tensor:
    """RGB in [0, 1] to 0…255: clamped, then rounded to nearest. All saved images go through this function.

    A plain cast would cut 0.999 to 254 and let 1.01 overflow to 1.

    Args:
        image: floats of any shape.

    Raises:
        DataError: a value is not a number (NaN), so it has no grey level.
    """
    if image.isnan().any():
        raise DataError("a styled image has pixels that are not a number: check the decoder's weights")
    return (image.float().clamp(0, 1) * 255).round().to(torch.uint8)
