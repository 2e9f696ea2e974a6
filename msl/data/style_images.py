"""A folder of style images: photographs from anywhere, in any colour mode."""

import logging
from bisect import bisect_right
from collections.abc import Sequence
from functools import cached_property
from hashlib import sha256
from io import BytesIO
from itertools import accumulate
from pathlib import Path

import torch
from PIL import Image

from msl.data.domain import Domain, Sample
from msl.data.images import SUFFIXES, UInt8, decode_image, read_image
from msl.errors import DataError
from msl.labels import IGNORE

log = logging.getLogger("msl")

SMALLEST = 32  # pixels of each side; a smaller image shows too little of a style


def load_style_images(folder: Path) -> dict[str, UInt8]:
    """The images of a folder by file name, in the names' order, each (H, W, 3) RGB of its own size.

    Palettes and CMYK are converted. Grey images are used as they are, with a warning, because they remove colours.

    Raises:
        DataError: there is no such folder, it has no image, or one is unreadable, transparent, of more than 8 bits
            or smaller than 32 pixels.
    """
    if not folder.is_dir():
        raise DataError(f"style images = {folder}: no such folder")
    paths = sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES and path.is_file())
    if not paths:
        raise DataError(f"style images = {folder}: no images in it ({', '.join(sorted(SUFFIXES))})")
    images = {path.name: read_image(path, decode_style) for path in paths}
    grey = [name for name, image in images.items() if (image == image[:, :, :1]).all()]
    if grey:
        log.warning("style images without colour, which also remove the content's colours: %s", ", ".join(grey))
    return images


def decode_style(data: bytes) -> UInt8:
    """An image file as (H, W, 3) RGB, read as every image is; a style must also be large enough and opaque.

    Raises:
        ValueError: it cannot serve as a style.
    """
    image = decode_image(data)
    height, width = image.shape[:2]
    if min(height, width) < SMALLEST:
        raise ValueError(f"it has {width}x{height} pixels, a style image needs at least {SMALLEST}x{SMALLEST}")
    if _is_transparent(data):
        raise ValueError("parts of it are transparent: save it without transparency")
    return image


def _is_transparent(data: bytes) -> bool:
    with Image.open(BytesIO(data)) as image:
        return image.has_transparency_data and image.convert("RGBA").getchannel("A").getextrema()[0] != 255


class StyleFolder:
    """A folder of style images as a sequence of samples without labels."""

    def __init__(self, folder: Path) -> None:
        """Read all of them; raises as `load_style_images` does."""
        self.name = folder.resolve().name
        self._images = load_style_images(folder)
        self._names = list(self._images)

    def __len__(self) -> int:
        return len(self._names)

    def __getitem__(self, index: int) -> Sample:
        name = self._names[index]
        image = torch.from_numpy(self._images[name]).permute(2, 0, 1)
        return Sample(image, torch.full(image.shape[1:], IGNORE, dtype=torch.uint8), name)

    @cached_property
    def digest(self) -> str:
        """Digest of names and content (64 hex digits)."""
        digest = sha256()
        for name, image in self._images.items():
            digest.update(f"{name} {image.shape} {sha256(image.tobytes()).hexdigest()}\n".encode())
        return digest.hexdigest()


class Joined:
    """Several domains, one after the other."""

    def __init__(self, domains: Sequence[Domain]) -> None:
        self._domains = domains
        self._ends = list(accumulate(map(len, domains)))

    def __len__(self) -> int:
        return self._ends[-1]

    def __getitem__(self, index: int) -> Sample:
        domain_index = bisect_right(self._ends, index)
        return self._domains[domain_index][index - (self._ends[domain_index - 1] if domain_index else 0)]
