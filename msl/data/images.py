"""Image files to arrays."""

from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from msl.errors import DataError

UInt8 = NDArray[np.uint8]
Decoder = Callable[[bytes], UInt8]


def decode_rgb(data: bytes) -> UInt8:
    """Any image format that Pillow knows, as (H, W, 3) RGB."""
    with Image.open(BytesIO(data)) as image:
        return np.array(image.convert("RGB"))


def decode_ids(data: bytes) -> UInt8:
    """A label file with one 8-bit id a pixel, grey or palette, as (H, W)."""
    with Image.open(BytesIO(data)) as image:
        if image.mode not in ("L", "P", "1"):
            raise ValueError(f"a label has one 8-bit id a pixel (mode L or P), this file has mode {image.mode}")
        return np.array(image, dtype=np.uint8)


def decode_ids_16bit(data: bytes) -> UInt8:
    """SYNTHIA's labels: 16-bit PNG, the class in channel 0 and the instance in channel 1. As (H, W).

    Pillow keeps the upper byte of 16-bit colour channels, which is 0 for every class. It is told that the bytes stand
    the other way round and so keeps the lower one.
    """
    with Image.open(BytesIO(data)) as image:
        (tile,) = image.tile
        if not isinstance(tile.args, str) or not tile.args.endswith(";16B") or image.mode not in ("RGB", "RGBA"):
            raise ValueError(f"a label of SYNTHIA is a 16-bit colour PNG, this file is {image.mode} ({tile.args})")
        image.tile = [tile._replace(args=tile.args.replace(";16B", ";16L"))]
        return np.array(image)[:, :, 0]


def read(path: Path, decode: Decoder) -> UInt8:
    """The decoded file.

    Raises:
        DataError: it is missing, unreadable or damaged.
    """
    try:
        return decode(path.read_bytes())
    except Exception as error:  # decoders raise OSError, SyntaxError, ValueError, RuntimeError, … for damaged files
        raise DataError(f"{path}: {reason(error)}") from error


def reason(error: Exception) -> str:
    """What is wrong with a file, in a few words."""
    if isinstance(error, FileNotFoundError):
        return "no such file"
    return f"cannot be read: {error}".replace("\n", " ")
