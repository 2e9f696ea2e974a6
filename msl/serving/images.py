"""Images to predict: which files there are."""

import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from msl.data.images import SUFFIXES
from msl.data.names import unique_names
from msl.data.patterns import Pattern
from msl.data.unmatched import none_there
from msl.errors import ConfigError, DataError
from msl.serving.labels import without_labels

log = logging.getLogger("msl")


@dataclass(frozen=True)
class ImageFile:
    """A file, and the name of its predictions: its path below the folder without the suffix."""

    name: str
    path: Path


def find_images(place: Path, output: Path) -> list[ImageFile]:
    """The image that `place` is, those in the folder and its subfolders, or those that match, frame 2 before frame 10.

    Hidden files, files without an image's suffix, labels, and what lies in `output` are left alone. Files that differ
    by suffix only keep it in their names.

    Args:
        place: a file, a folder, or a pattern (see `msl.data.patterns`).
        output: folder of the predictions.

    Raises:
        DataError: there is no such place, or no image in it.
        ConfigError: predictions would be written among the images.
    """
    if place.is_file():
        return [ImageFile(place.stem, place)]
    base, paths = _in_folder(place) if place.is_dir() else _matching(place)
    if output.absolute() == base.absolute():
        raise ConfigError(f"output = {output} is the folder of the images: name another")
    images = sorted((path for path in paths if _is_meant(path, base, output)), key=_in_natural_order)
    if not images:
        raise DataError(f"images = {place}: no images in it ({', '.join(sorted(SUFFIXES))})")
    images = without_labels(images)
    names = unique_names([path.relative_to(base).as_posix() for path in images])
    return [ImageFile(name, path) for name, path in zip(names, images, strict=True)]


def _in_folder(folder: Path) -> tuple[Path, Sequence[Path]]:
    return folder, Pattern.of("**/*").paths_below(folder)


def _matching(place: Path) -> tuple[Path, Sequence[Path]]:
    """The folder before the pattern's first star, and the files.

    Raises:
        DataError: it is no pattern either, or one that cannot be.
    """
    if not Pattern.is_meant(str(place)):
        raise DataError(f"images = {place}: no such file or folder; {none_there(place)}")
    try:
        pattern = Pattern.of(str(place))
    except ValueError as error:
        raise DataError(f"images = {error}") from None
    folder = Path()
    return pattern.base(folder).joinpath(*pattern.parts[: pattern.fixed]), pattern.paths_below(folder)


def _is_meant(path: Path, base: Path, output: Path) -> bool:
    hidden = any(part.startswith(".") for part in path.relative_to(base).parts)
    ours = output.absolute() in path.absolute().parents
    return path.suffix.lower() in SUFFIXES and not hidden and not ours


def _in_natural_order(path: Path) -> list[tuple[str | int, ...]]:
    return [tuple(int(s) if s.isdecimal() else s for s in re.split(r"([0-9]+)", part)) for part in path.parts]
