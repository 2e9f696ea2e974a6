"""A folder of style images: photographs from anywhere, in whatever colours their files hold."""

import logging
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image

from msl.data.images import UInt8, read
from msl.errors import DataError

log = logging.getLogger("msl")

SMALLEST = 32  # pixels a side; smaller images say little of a style

_SUFFIXES = {".bmp", ".jpeg", ".jpg", ".png", ".ppm", ".tif", ".tiff", ".webp"}
_GREY = ("1", "L", "LA")
_MODES = (*_GREY, "P", "PA", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr", "LAB", "HSV")  # of 8 bits


def load_style_images(folder: Path) -> dict[str, UInt8]:
    """The images of a folder by file name, in the names' order, each (H, W, 3) RGB of its own size.

    Palettes and CMYK are converted. Grey images are taken as they are, with a notice, for they take the colours away.

    Raises:
        DataError: there is no such folder, it has no image, or one is unreadable, transparent, of more than 8 bits
            or smaller than 32 pixels.
    """
    if not folder.is_dir():
        raise DataError(f"style images = {folder}: no such folder")
    paths = sorted(path for path in folder.iterdir() if path.suffix.lower() in _SUFFIXES and path.is_file())
    if not paths:
        raise DataError(f"style images = {folder}: no images in it ({', '.join(sorted(_SUFFIXES))})")
    images = {path.name: read(path, decode_style) for path in paths}
    grey = [name for name, image in images.items() if (image == image[:, :, :1]).all()]
    if grey:
        log.warning("style images without colour, which take the content's away: %s", ", ".join(grey))
    return images


def decode_style(data: bytes) -> UInt8:
    """An image file as (H, W, 3) RGB.

    Raises:
        ValueError: it cannot serve as a style.
    """
    with Image.open(BytesIO(data)) as image:
        if min(image.size) < SMALLEST:
            raise ValueError(f"{image.width}x{image.height}, a style image has {SMALLEST} pixels each way at least")
        if image.mode not in _MODES:
            raise ValueError(f"mode {image.mode}, a style image has 8 bits a channel: convert it")
        if image.has_transparency_data and np.array(image.convert("RGBA"))[:, :, 3].min() < 255:
            raise ValueError("parts of it are transparent, and what lies behind them is unknown: flatten it")
        return np.array(image.convert("RGB"))
