"""Label files among images, which nobody wants predicted."""

import logging
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from PIL import Image

log = logging.getLogger("msl")

# How published data sets, and our own predictions, call label files.
_CALLED = re.compile(
    r"_(gtFine|gtCoarse)_\w+|_(pred_)?(labelIds|labelTrainIds|trainIds|instanceIds|instanceTrainIds)$", re.IGNORECASE
)
_WORD = re.compile(r"[_.-][A-Za-z]")  # begins a word behind the name of an image
_ONE_CHANNEL = {"1", "L", "P", "I", "I;16", "I;16B"}
_COLOUR = {"RGB", "RGBA", "CMYK", "YCbCr"}
_LOSSY = {".jpeg", ".jpg", ".webp"}  # suffixes of files that hold no labels
_NAMED = 3  # files that the notice spells out


def without_labels(paths: Sequence[Path]) -> list[Path]:
    """The files that are no labels, with a notice of those that are.

    A label is called as published data sets call them, or it has one channel and the name of an image in colour,
    perhaps with a word behind it: ``0001.png`` or ``0001_mask.png`` beside ``0001.jpg``. If all look like labels, none
    is left out: somebody means them.
    """
    by_stem: dict[str, list[Path]] = {}
    for path in paths:
        by_stem.setdefault(path.stem, []).append(path)
    labels = {path for path in paths if _CALLED.search(path.stem) or _belongs_to_an_image(path, by_stem)}
    if not labels or len(labels) == len(paths):
        return list(paths)
    named = ", ".join(str(path) for path in sorted(labels)[:_NAMED])
    log.warning("%d files are labels and are left out: %s%s", len(labels), named, ", …" if len(labels) > _NAMED else "")
    return [path for path in paths if path not in labels]


def _belongs_to_an_image(path: Path, by_stem: Mapping[str, Sequence[Path]]) -> bool:
    if path.suffix.lower() in _LOSSY:
        return False
    stems = [path.stem, *(path.stem[: word.start()] for word in _WORD.finditer(path.stem))]
    images = [other for stem in stems for other in by_stem.get(stem, ()) if other != path]
    return bool(images) and _mode(path) in _ONE_CHANNEL and any(_mode(image) in _COLOUR for image in images)


def _mode(path: Path) -> str:
    """Pillow's name of a file's kind of pixels; "" of what cannot be read."""
    try:
        with Image.open(path) as image:
            return image.mode
    except (OSError, SyntaxError, ValueError):
        return ""
