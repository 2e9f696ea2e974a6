"""Where things lie in the panels of older runs, which logged no layout beside them: measured from the pixels."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from analysis.errors import AnalysisError
from msl import labels, schema

_GAP = 6  # pixels between the columns, and around them
_WHITE, _BLACK = 255, (0, 0, 0)


def measured_layout(picture: Image.Image) -> schema.PanelLayout:
    """Columns of equal width, and rows where labels are drawn; the names of the samples are not known.

    Raises:
        AnalysisError: no row is drawn.
    """
    kinds = schema.PANEL_KINDS
    width = (picture.width - (len(kinds) + 1) * _GAP) // len(kinds)
    columns = [schema.PanelColumn(kind, _GAP + place * (width + _GAP), width) for place, kind in enumerate(kinds)]
    pixels = np.asarray(picture)
    label, prediction = (pixels[:, column.left : column.left + width] for column in columns[1:])
    is_row = _is_row(label)
    edges = np.flatnonzero(np.diff(is_row, prepend=False, append=False))
    rows = [schema.PanelRow("", int(top), int(bottom - top)) for top, bottom in edges.reshape(-1, 2)]
    if not rows:
        raise AnalysisError(f"a panel of {picture.width} x {picture.height} pixels shows no labels")
    colours = set(map(tuple, np.unique(np.concatenate([label[is_row], prediction[is_row]]).reshape(-1, 3), axis=0)))
    return schema.PanelLayout(tuple(rows), tuple(columns), _classes(colours))


def _is_row(label: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Which lines of pixels (H, W, 3) belong to a label: no class is white, and titles and legend are in part."""
    return np.asarray((label < _WHITE).any(axis=-1).all(axis=-1))


def _classes(colours: set[schema.Colour]) -> dict[str, schema.Colour]:
    """The classes of these colours, in the label set that knows most of them."""
    known = max(labels.LABEL_SETS.values(), key=lambda label_set: len(colours & set(label_set.palette)))
    classes = {name: colour for name, colour in zip(known.classes, known.palette, strict=True) if colour in colours}
    return classes | ({"ignored": _BLACK} if _BLACK in colours else {})
