"""Images to predict: which files there are."""

import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from msl.data.images import SUFFIXES
from msl.errors import ConfigError, DataError


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
        raise DataError(f"images = {place}: no images in it ({', '.join(sorted(SUFFIXES))})")
    names = [path.relative_to(place) for path in paths]
    shared = Counter(name.with_suffix("") for name in names)
    plain = [name.with_suffix("") if shared[name.with_suffix("")] == 1 else name for name in names]
    return [ImageFile(name.as_posix(), path) for name, path in zip(plain, paths, strict=True)]


def _is_meant(path: Path, place: Path, output: Path) -> bool:
    hidden = any(part.startswith(".") for part in path.relative_to(place).parts)
    ours = output.absolute() in path.absolute().parents
    return path.suffix.lower() in SUFFIXES and not hidden and not ours and path.is_file()


def _in_natural_order(path: Path) -> list[tuple[str | int, ...]]:
    return [tuple(int(s) if s.isdecimal() else s for s in re.split(r"([0-9]+)", part)) for part in path.parts]
