"""Classes in pictures: a label map in their colours, and the legend that names these."""

from collections.abc import Mapping
from itertools import chain

from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from msl.labels import IGNORE, Colour, LabelSet

GAP = 6  # pixels between the parts of a picture
TEXT = ImageFont.load_default(13)
INK, PAPER = (40, 40, 40), (255, 255, 255)
_SWATCH = 14


def coloured(label: Tensor, label_set: LabelSet) -> Image.Image:
    """A map of train ids (H, W) in the classes' colours; every other id is black."""
    image = Image.fromarray(label.byte().numpy())
    image.putpalette(bytes(chain(*label_set.palette)).ljust(3 * 256, b"\0"))
    return image.convert("RGB")


def colours_of(label_set: LabelSet, present_ids: set[int]) -> dict[str, Colour]:
    """The classes that are present, and their colours."""
    colours = {name: label_set.palette[i] for i, name in enumerate(label_set.classes) if i in present_ids}
    return colours | ({"ignored": (0, 0, 0)} if IGNORE in present_ids else {})


def legend_picture(colours: Mapping[str, Colour], width: int) -> Image.Image:
    """The names of these colours, in rows of a picture of this width in pixels."""
    positions, x, y = [], GAP, GAP
    for name, colour in colours.items():
        entry_width = int(_SWATCH + GAP + TEXT.getlength(name) + 3 * GAP)
        if x + entry_width > width:
            x, y = GAP, y + _SWATCH + GAP
        positions.append((x, y, name, colour))
        x += entry_width
    legend = Image.new("RGB", (width, y + _SWATCH + 2 * GAP), PAPER)
    draw = ImageDraw.Draw(legend)
    for left, top, name, colour in positions:
        draw.rectangle((left, top, left + _SWATCH, top + _SWATCH), colour, INK)
        draw.text((left + _SWATCH + GAP, top + _SWATCH // 2 + 1), name, INK, TEXT, anchor="lm")
    return legend
