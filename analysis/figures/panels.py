"""Image | label | prediction | prediction | …: what several runs make of the same images, by their logged sheets."""

import io
import re
from collections.abc import Mapping, Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from analysis.errors import AnalysisError
from analysis.figures import style
from analysis.seeds.groups import SeedGroup
from analysis.store.artifacts import Artifacts
from msl import labels, schema

# How a run's sheet is laid out (msl.training.panels): three pictures side by side with gaps, a legend below.
_GAP = 6
_PICTURES = 3
_PAPER, _INK = (255, 255, 255), (40, 40, 40)
_HEADER, _SWATCH = 30, 16
_TEXT = ImageFont.load_default(15)
_SHEET = re.compile(r"(?P<domain>\w+)_(?P<step>\d+)\.png")


def panels(
    artifacts: Artifacts, groups: Sequence[SeedGroup], domain: str = schema.TARGET
) -> tuple[Image.Image, list[str], list[str]]:
    """The last sheets of these groups, of the first seed of each, as one picture.

    Args:
        artifacts: of the store that the groups are from.
        groups: in the order of their predictions.
        domain: ``target`` or ``source``.

    Returns:
        The picture, the groups in it, and which are not in it, and why.

    Raises:
        AnalysisError: none of the groups has a sheet.
    """
    sheets: dict[str, Image.Image] = {}
    missing = []
    for group in groups:
        found = _newest(artifacts, group.run_ids[0], domain)
        if found is None:
            missing.append(f"{group.name}: its first seed logged no panels of the {domain}")
        elif sheets and not _same_images(found, next(iter(sheets.values()))):
            missing.append(f"{group.name}: its panels show other images")
        else:
            sheets[group.name] = found
    if not sheets:
        raise AnalysisError(f"no panels of the {domain} here: {'; '.join(missing)}. Runs draw them with panels=4.")
    return side_by_side(sheets), list(sheets), missing


def side_by_side(sheets: Mapping[str, Image.Image]) -> Image.Image:
    """Image and label of the first sheet, then each one's predictions under its name, and one legend.

    Args:
        sheets: of the same images, by what stands above their predictions.
    """
    first, *_ = sheets.values()
    bottom, left = _bottom(first), first.width - _cell(first) - _GAP
    parts = [first.crop((0, 0, left, bottom))]
    parts += [sheet.crop((left, 0, first.width, bottom)) for sheet in sheets.values()]
    columns = [_column(first, 1), *(_column(sheet, 2) for sheet in sheets.values())]
    colours = set[labels.Colour]().union(*map(_colours, columns))
    legend = _legend(colours, sum(part.width for part in parts))
    out = Image.new("RGB", (legend.width, _HEADER + bottom + legend.height), _PAPER)
    draw, x = ImageDraw.Draw(out), 0
    for part, title in zip(parts, ("", *style.short_names(list(sheets))), strict=True):
        draw.text((x, _HEADER - 6), _fitting(style.printable(title), part.width - _GAP), _INK, _TEXT, anchor="ls")
        out.paste(part, (x, _HEADER))
        x += part.width
    out.paste(legend, (0, _HEADER + bottom))
    return out


def _newest(artifacts: Artifacts, run_id: str, domain: str) -> Image.Image | None:
    found = [match for name in artifacts.names(run_id, schema.PANEL_FOLDER) if (match := _SHEET.fullmatch(name))]
    steps = {int(match["step"]): match[0] for match in found if match["domain"] == domain}
    if not steps:
        return None
    path = schema.artifact([schema.PANEL_FOLDER, steps[max(steps)]])
    try:
        return Image.open(io.BytesIO(artifacts.read(run_id, path))).convert("RGB")
    except OSError as error:
        raise AnalysisError(f"{path} of run {run_id} is no picture: {error}") from error


def _cell(sheet: Image.Image) -> int:
    return (sheet.width - (_PICTURES + 1) * _GAP) // _PICTURES


def _column(sheet: Image.Image, place: int) -> Image.Image:
    left = _GAP + place * (_cell(sheet) + _GAP)
    return sheet.crop((left, 0, left + _cell(sheet), _bottom(sheet)))


def _bottom(sheet: Image.Image) -> int:
    """Where the legend begins: below the last row of pixels of a label."""
    left = _GAP + _cell(sheet) + _GAP
    return int(np.flatnonzero(_drawn(np.asarray(sheet)[:, left : left + _cell(sheet)])).max(initial=-1)) + 1


def _drawn(classes: np.ndarray) -> np.ndarray:
    """Which rows of pixels (H, W, 3) are of labels or predictions: no class is white, as titles' rows are in part."""
    return np.asarray((classes < _PAPER[0]).any(axis=-1).all(axis=-1))


def _same_images(one: Image.Image, other: Image.Image) -> bool:
    return all(np.array_equal(np.asarray(_column(one, place)), np.asarray(_column(other, place))) for place in range(2))


def _colours(classes: Image.Image) -> set[labels.Colour]:
    """The colours of a column of labels or predictions, without its titles'."""
    pixels = np.asarray(classes)
    found = np.unique(pixels[_drawn(pixels)].reshape(-1, 3), axis=0)
    return {(int(r), int(g), int(b)) for r, g, b in found}


def _legend(colours: set[labels.Colour], width: int) -> Image.Image:
    """The names of the classes among these colours, in the label set that knows most of them.

    Laid out as the runs' own (msl.training.panels, which needs torch and cannot be imported here).
    """
    known = max(labels.LABEL_SETS.values(), key=lambda label_set: len(colours & set(label_set.palette)))
    entries = [entry for entry in zip(known.classes, known.palette, strict=True) if entry[1] in colours]
    entries += [("ignored", (0, 0, 0))] if (0, 0, 0) in colours else []
    places, x, y = [], _GAP, _GAP
    for name, colour in entries:
        wide = int(_SWATCH + _GAP + _TEXT.getlength(name) + 3 * _GAP)
        if x + wide > width:
            x, y = _GAP, y + _SWATCH + _GAP
        places.append((x, y, name, colour))
        x += wide
    legend = Image.new("RGB", (width, y + _SWATCH + 2 * _GAP), _PAPER)
    draw = ImageDraw.Draw(legend)
    for left, top, name, colour in places:
        draw.rectangle((left, top, left + _SWATCH, top + _SWATCH), colour)
        draw.text((left + _SWATCH + _GAP, top + _SWATCH // 2 + 1), name, _INK, _TEXT, anchor="lm")
    return legend


def _fitting(text: str, width: int) -> str:
    """As much of a text as fits, with an ellipsis where it is cut."""
    if _TEXT.getlength(text) <= width:
        return text
    while text and _TEXT.getlength(text + "…") > width:
        text = text[:-1]
    return text + "…"
