"""Image files to arrays."""

from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torchvision.io import ImageReadMode, decode_image

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

    Not through Pillow, which keeps only the upper half of 16-bit colour channels: zeros.
    """
    pixels = decode_image(torch.frombuffer(bytearray(data), dtype=torch.uint8), ImageReadMode.UNCHANGED)
    ids: UInt8 = pixels[0].to(torch.uint8).numpy()
    return ids


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
