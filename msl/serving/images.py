"""Images to predict: which files there are, and how they are read."""

import re
from collections import Counter
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image

from msl.data.images import UInt8
from msl.errors import ConfigError, DataError

LARGEST = 2**26  # pixels of an image; Pillow itself would take 178 million before it suspects an attack

_SUFFIXES = {".bmp", ".jpeg", ".jpg", ".png", ".ppm", ".tif", ".tiff", ".webp"}
_MODES = {"1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr", "LAB", "HSV"}  # of 8 bits a channel


@dataclass(frozen=True)
class ImageFile:
    """A file, and the name of its predictions: its path below the folder without the suffix."""

    name: str
    path: Path


def find_images(place: Path, output: Path) -> list[ImageFile]:
    """The image that `place` is, or those in the folder and its subfolders, frame 2 before frame 10.

    Hidden files, files without an image's suffix and what lies in `output` are left alone. Files that differ by suffix
    only keep it in their names.

    Raises:
        DataError: there is no such place, or no image in it.
        ConfigError: predictions would be written among the images.
    """
    if place.is_file():
        return [ImageFile(place.stem, place)]
    if not place.is_dir():
        raise DataError(f"images = {place}: no such file or folder")
    if output.absolute() == place.absolute():
        raise ConfigError(f"output = {output} is the folder of the images: name another")
    paths = sorted((path for path in place.rglob("*") if _is_meant(path, place, output)), key=_in_natural_order)
    if not paths:
        raise DataError(f"images = {place}: no images in it ({', '.join(sorted(_SUFFIXES))})")
    names = [path.relative_to(place) for path in paths]
    shared = Counter(name.with_suffix("") for name in names)
    plain = [name.with_suffix("") if shared[name.with_suffix("")] == 1 else name for name in names]
    return [ImageFile(name.as_posix(), path) for name, path in zip(plain, paths, strict=True)]


def decode_image(data: bytes) -> UInt8:
    """An image file's content as (H, W, 3) RGB; transparency and orientation tags are passed over, as in training.

    Raises:
        ValueError: it has more than 8 bits a channel, which would be cut off, or too many pixels.
        OSError: it is no image, or damaged.
    """
    with Image.open(BytesIO(data)) as image:
        if image.width * image.height > LARGEST:
            raise ValueError(f"{image.width}x{image.height} pixels are more than {LARGEST / 1e6:.0f} million")
        if image.mode not in _MODES:
            raise ValueError(f"mode {image.mode}, images have 8 bits a channel: convert it")
        return np.array(image.convert("RGB"))


def _is_meant(path: Path, place: Path, output: Path) -> bool:
    hidden = any(part.startswith(".") for part in path.relative_to(place).parts)
    ours = output.absolute() in path.absolute().parents
    return path.suffix.lower() in _SUFFIXES and not hidden and not ours and path.is_file()


def _in_natural_order(path: Path) -> list[tuple[str | int, ...]]:
    return [tuple(int(s) if s.isdecimal() else s for s in re.split(r"([0-9]+)", part)) for part in path.parts]
