"""Pictures beside each other under titles, with a legend of classes: drawn by matplotlib, pixel by pixel."""

import io
from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from analysis.figures import style
from analysis.figures.fonts import label
from analysis.seeds import short_names
from msl import labels, schema

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_DPI = 128  # a power of two, so that a size in inches gives exactly its pixels
_GAP, _TITLE, _NAME = 6, 30, 28  # pixels: between pictures, above the columns, above each row
_POINTS, _BASELINE = 9.0, 9  # size of the text, and pixels from its baseline to the picture below


def composed(
    columns: Mapping[str, Sequence[Image.Image]],
    groups: Mapping[str, Sequence[Image.Image]],
    samples: Sequence[str],
    colours: Mapping[str, schema.Colour],
) -> Image.Image:
    """Columns of pictures side by side, a row a sample.

    Args:
        columns: that all groups share, by title; pictures of one row have one height.
        groups: a column a group, by its name.
        samples: names of the rows; "" where a name is not known.
        colours: of the classes.
    """
    cells = [*columns.values(), *groups.values()]
    titles = [*columns, *short_names(list(groups))]
    name_height = _NAME if any(samples) else 0
    *lefts, width = accumulate((column[0].width + _GAP for column in cells), initial=_GAP)
    *tops, bottom = accumulate((p.height + _GAP + name_height for p in cells[0]), initial=_TITLE + name_height)
    with style.styled([*titles, *samples, *colours]):
        from matplotlib.figure import Figure

        figure = Figure((width / _DPI, 1), _DPI)
        height = bottom - name_height + _add_legend(figure, colours)
        figure.set_size_inches(width / _DPI, height / _DPI)
        for left, column, title in zip(lefts, cells, titles, strict=True):
            _write(figure, title, left, _TITLE, column[0].width)
            for top, picture in zip(tops, column, strict=True):
                figure.figimage(np.asarray(picture), left, height - top - picture.height)
        for top, sample in zip(tops, samples, strict=True):
            _write(figure, sample, lefts[0], top, cells[0][0].width)
        return _rendered(figure)


def _add_legend(figure: "Figure", colours: Mapping[str, schema.Colour]) -> int:
    """The classes at the bottom in as few lines as the figure's width allows; their height in pixels."""
    from matplotlib.patches import Patch

    known = [name for label_set in labels.LABEL_SETS.values() for name in label_set.classes]
    names = sorted(colours, key=lambda name: known.index(name) if name in known else len(known))
    marks = [Patch(facecolor=tuple(np.array(colours[name]) / 255), label=label(name)) for name in names]
    for columns in range(len(names), 0, -1):
        legend = figure.legend(handles=marks, loc="lower left", ncols=columns, fontsize=_POINTS)
        extent = legend.get_window_extent()
        if extent.width <= figure.bbox.width or columns == 1:
            return round(extent.height)
        legend.remove()
    return 0


def _write(figure: "Figure", text: str, left: int, bottom: int, width: int) -> None:
    """A line of text above `bottom`, in pixels from the top left; a text that is too wide ends in an ellipsis."""
    x, y = left / figure.bbox.width, 1 - (bottom - _BASELINE) / figure.bbox.height
    beginning = label(text)
    line = figure.text(x, y, beginning, fontsize=_POINTS, va="baseline")
    while beginning and line.get_window_extent().width > width:
        beginning = beginning[:-1]
        line.set_text(beginning + "…")


def _rendered(figure: "Figure") -> Image.Image:
    content = io.BytesIO()
    figure.savefig(content, format="png", dpi=_DPI)
    return Image.open(content).convert("RGB")
