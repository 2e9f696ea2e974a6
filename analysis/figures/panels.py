"""Image | label | prediction | prediction | …: what several groups make of the same images, by their runs' panels."""

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from analysis.errors import AnalysisError
from analysis.figures.composition import composed
from analysis.figures.fonts import replacement_note
from analysis.figures.measured import measured_layout
from analysis.seeds import SeedGroup, short_names
from analysis.store import Artifacts
from msl import schema

_MOST_GROUPS = 40  # a picture of more has too many pixels
_PICTURE, _LAYOUT = ".png", ".json"


@dataclass(frozen=True)
class Panel:
    """The picture that a run logged of a domain, and what lies where in it."""

    picture: Image.Image
    layout: schema.PanelLayout

    def cells(self, kind: str) -> list[Image.Image]:
        """What the column of this kind shows of each sample."""
        column = next(column for column in self.layout.columns if column.kind == kind)
        left, right = column.left, column.left + column.width
        return [self.picture.crop((left, row.top, right, row.top + row.height)) for row in self.layout.rows]


@dataclass(frozen=True)
class SideBySide:
    """The predictions of several groups on the same images of a domain."""

    domain: str
    groups: tuple[str, ...]
    picture: Image.Image
    notes: tuple[str, ...]  # which groups are not in it, and why; which characters are replaced


def side_by_side(artifacts: Artifacts, groups: Sequence[SeedGroup], domain: str = schema.TARGET) -> SideBySide:
    """The newest panels of these groups, of the first seed of each, as one picture.

    Args:
        artifacts: of the store that the groups are from.
        groups: in the order of their predictions.
        domain: ``target`` or ``source``.

    Raises:
        AnalysisError: none of the groups has a panel, a panel cannot be read, or there are too many groups.
    """
    if len(groups) > _MOST_GROUPS:
        raise AnalysisError(
            f"panels show {_MOST_GROUPS} groups at most, and here are {len(groups)}; choose some (--group)"
        )
    panels: dict[str, Panel] = {}
    notes = []
    for group in groups:
        panel = _newest(artifacts, group.run_ids[0], domain)
        reason = f"its first seed logged no panels of the {domain}" if panel is None else _mismatch(panel, panels)
        if panel is None or reason:
            notes.append(f"{group.name}: {reason}")
        else:
            panels[group.name] = panel
    if not panels:
        raise AnalysisError(
            f"no panels of the {domain} here: {'; '.join(notes)}. A run draws them with panels=4 where it scores the "
            f"{domain}, which needs labels and a split val."
        )
    first, *_ = panels.values()
    image, label, prediction = schema.PANEL_KINDS
    columns = {image: first.cells(image), label: first.cells(label)}
    predictions = {name: panel.cells(prediction) for name, panel in panels.items()}
    colours = {name: colour for panel in panels.values() for name, colour in panel.layout.classes.items()}
    samples = [row.sample for row in first.layout.rows]
    replaced = replacement_note([*short_names(list(panels)), *samples, *colours])
    picture = composed(columns, predictions, samples, colours)
    return SideBySide(domain, tuple(panels), picture, tuple(filter(None, [*notes, replaced])))


def _mismatch(panel: Panel, panels: dict[str, Panel]) -> str:
    """Why a panel cannot stand beside the others; "" where it can."""
    for other in panels.values():
        for kind in schema.PANEL_KINDS[:2]:
            if not _equal(panel.cells(kind), other.cells(kind)):
                return "its panels show other images"
        known = other.layout.classes
        if any(known.get(name, colour) != colour for name, colour in panel.layout.classes.items()):
            return "its panels have other colours"
    return ""


def _equal(cells: Sequence[Image.Image], others: Sequence[Image.Image]) -> bool:
    pairs = zip(cells, others, strict=False)
    return len(cells) == len(others) and all(np.array_equal(np.asarray(a), np.asarray(b)) for a, b in pairs)


def _newest(artifacts: Artifacts, run_id: str, domain: str) -> Panel | None:
    """The panel of the last step at which the run drew this domain."""
    names = artifacts.names(run_id, schema.PANEL_FOLDER)
    steps = dict(_steps(names, domain))
    if not steps:
        return None
    stem = steps[max(steps)]
    path = schema.artifact([schema.PANEL_FOLDER, stem + _PICTURE])
    try:
        picture = Image.open(io.BytesIO(artifacts.read(run_id, path))).convert("RGB")
    except OSError as error:
        raise AnalysisError(f"{path} of run {run_id} is no picture: {error}") from error
    if stem + _LAYOUT not in names:
        return Panel(picture, measured_layout(picture))
    return Panel(picture, _layout(artifacts, run_id, stem, picture))


def _steps(names: Sequence[str], domain: str) -> Iterator[tuple[int, str]]:
    """Step and stem of the pictures of a domain."""
    for name in names:
        stem = name.removesuffix(_PICTURE)
        panel = schema.parse_panel_stem(stem)
        if panel is not None and stem != name and panel[0] == domain:
            yield panel[1], stem


def _layout(artifacts: Artifacts, run_id: str, stem: str, picture: Image.Image) -> schema.PanelLayout:
    path = schema.artifact([schema.PANEL_FOLDER, stem + _LAYOUT])
    try:
        layout = schema.PanelLayout.from_json(artifacts.read(run_id, path))
    except ValueError as error:
        raise AnalysisError(f"{path} of run {run_id} cannot be read: {error}") from error
    right = max((column.left + column.width for column in layout.columns), default=0)
    bottom = max((row.top + row.height for row in layout.rows), default=0)
    kinds = [column.kind for column in layout.columns]
    if right > picture.width or bottom > picture.height or not set(schema.PANEL_KINDS) <= set(kinds):
        raise AnalysisError(
            f"{path} of run {run_id} does not fit its picture: it describes {right} x {bottom} pixels with the columns "
            f"{', '.join(kinds)}; the picture has {picture.width} x {picture.height}, and needs "
            f"{', '.join(schema.PANEL_KINDS)}"
        )
    return layout
