"""Palettes of label files: by them one sees that a program has given the colours of classes other ids."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from io import BytesIO

from PIL import Image

from msl.labels import LabelSet, RawIds

_BY_CHANCE = 2  # ids; fewer are not mentioned
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


def differences(palettes: Iterable[Mapping[int, str]]) -> Iterator[str]:
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


def contradictions(palettes: Iterable[Mapping[int, str]], ids: RawIds, label_set: LabelSet) -> Iterator[str]:
    """A sentence if ids have the colours of other classes: a program has numbered the colours anew.

    One id alone may have a colour by chance.

    Args:
        palettes: colours by id, of each file.
        ids: what the ids are read as.
        label_set: the classes and their colours.
    """
    wrong = _misread(palettes, ids, label_set)
    if len(wrong) < _BY_CHANCE:
        return
    raw, (colour, shown) = next(iter(wrong.items()))
    way_out = ", ".join(f"{raw}: {shown}" for raw, (_, shown) in wrong.items())
    yield (
        f"{len(wrong)} ids have the colours of other classes in the palettes: id {raw} is {colour}, as {shown} is, and "
        f"is read as {ids[raw]}. If the colours are right, write ids: {{{way_out}, …}}. Look at the contact sheet"
    )


def _misread(palettes: Iterable[Mapping[int, str]], ids: RawIds, label_set: LabelSet) -> dict[int, tuple[str, str]]:
    """Colour and class of that colour, for each id that is read as another class."""
    class_of = {f"#{bytes(colour).hex()}": i for i, colour in enumerate(label_set.palette)}
    colours = {raw: colour for palette in palettes for raw, colour in palette.items()}
    read = {raw: label_set.train_id(name) for raw, name in ids.items() if name is not None}
    return {
        raw: (colour, label_set.classes[class_of[colour]])
        for raw, colour in sorted(colours.items())
        if colour in class_of and read.get(raw, class_of[colour]) != class_of[colour]
    }
