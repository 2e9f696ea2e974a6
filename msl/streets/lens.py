"""From light to a camera's image: exposure, tones, colours, blur, vignette, noise and compression."""

import io
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from msl.streets.brush import Brush
from msl.streets.noise import TILE, noise

Floats = NDArray[np.floating]

_LUMA = np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R BT.601, red, green, blue
_MIDDLE = 110.0  # level that contrast does not change
_CHROMA = 0.5  # share of the noise that differs between channels


@lru_cache(maxsize=4)
def _corners(width: int, height: int) -> Floats:
    """Squared distance from the image's middle, 1 in the corners, (H, W)."""
    x, y = np.linspace(-1, 1, width, dtype=np.float32), np.linspace(-1, 1, height, dtype=np.float32)
    return (x[None, :] ** 2 + y[:, None] ** 2) / 2


def expose(brush: Brush, light: Floats) -> NDArray[np.uint8]:
    """The image (H, W, 3) that the style's camera makes from light (3, H, W) in 0 .. 255."""
    style = brush.style
    _, height, width = light.shape
    warmth, gain, contrast = (brush.within(r) for r in (style.warmth, style.exposure, style.contrast))
    saturation, vignette, blur = (brush.within(r) for r in (style.saturation, style.vignette, style.blur))
    balance = np.array([1 + warmth, 1.0, 1 - warmth], np.float32) * gain * contrast
    mix = saturation * np.eye(3, dtype=np.float32) + (1 - saturation) * _LUMA  # (to, from)
    planes = (mix * balance) @ light.reshape(3, -1) + _MIDDLE * (1 - contrast)
    if vignette > 0:
        planes *= 1 - vignette * _corners(width, height).reshape(-1)
    picture = _develop(planes, (width, height)).filter(ImageFilter.BoxBlur(blur * width))
    picture = picture.point(_tones(brush.within(style.gamma)))
    strength = brush.within(style.noise)
    if strength > 0:
        grains = strength * _grains(brush, height, width)
        grains += np.asarray(picture).transpose(2, 0, 1)
        picture = _develop(grains.reshape(3, -1), (width, height))
    if style.jpeg is not None:
        picture = _compress(picture, int(brush.between(*style.jpeg)))
    return np.array(picture)


def _develop(planes: Floats, size: tuple[int, int]) -> Image.Image:
    """A picture of planes (3, H·W)."""
    levels = [Image.fromarray(plane.reshape(size[::-1])) for plane in planes.clip(0, 255).astype(np.uint8)]
    return Image.merge("RGB", levels)


def _tones(gamma: float) -> list[int]:
    """Levels after gamma, for each channel's 256 levels."""
    return [round(255 * (level / 255) ** gamma) for level in range(256)] * 3


def _grains(brush: Brush, height: int, width: int) -> Floats:
    """Sensor noise (3, H, W) of deviation about 1: fine in brightness and, as after demosaicing, coarser in colour."""
    rows, columns = np.arange(height)[:, None], np.arange(width)[None, :]
    planes = []
    for step in (1, 2, 2, 2):
        first, second = int(brush.between(0, TILE)), int(brush.between(0, TILE))
        cells = (rows // step + first) % TILE * TILE + (columns // step + second) % TILE
        planes.append(noise(0.0, 6).take(cells))
    return (1 - _CHROMA) * planes[0] + _CHROMA * np.stack(planes[1:])


def _compress(picture: Image.Image, quality: int) -> Image.Image:
    """A picture after JPEG compression of a quality in 1 .. 95."""
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=quality)
    return Image.open(file)
