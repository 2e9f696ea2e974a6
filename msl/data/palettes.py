"""Palettes of label files: a palette that a program has chosen for each file gives one class another id in each."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from io import BytesIO

from PIL import Image

_CHANNELS = 3  # of a PNG's palette


def colours_of(data: bytes, ids: Collection[int]) -> dict[int, str]:
    """The colour of each of these ids in the palette of a PNG, as ``#rrggbb``; empty for other files.

    Args:
        data: content of an image file.
        ids: those that its pixels have.
    """
    if not ids:
        return {}
    with Image.open(BytesIO(data)) as image:
        if image.format != "PNG" or image.mode != "P" or image.palette is None:
            return {}
        palette = bytes(image.palette.palette)
    colours = {raw: palette[_CHANNELS * raw : _CHANNELS * (raw + 1)].hex() for raw in sorted(ids)}
    return {raw: f"#{colour}" for raw, colour in colours.items() if len(colour) == 2 * _CHANNELS}


def palette_notices(palettes: Iterable[Mapping[int, str]]) -> Iterator[str]:
    """A sentence if an id has different colours in different files.

    Args:
        palettes: colours by id, of each file.
    """
    first: dict[int, str] = {}
    for palette in palettes:
        for raw, colour in palette.items():
            if first.setdefault(raw, colour) != colour:
                yield (
                    f"id {raw} is {first[raw]} in the palette of one label and {colour} in that of another: if a "
                    "program chose a palette for each file, one id means several classes. Look at the contact sheet"
                )
                return
