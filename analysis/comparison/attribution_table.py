"""Attribution as a table."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

from analysis.comparison.attribution import OBJECTIVE, SOURCE_ONLY, STATISTICS, STEPS, TOTAL, Attribution
from analysis.comparison.gap import Gap
from analysis.comparison.p_values import p_cell
from analysis.seeds import Difference, Measure, Summary, holm, shared_note, short_names
from analysis.tables import NOTHING, Cell, Column, Footnotes, Table, interval_text, name_cell, number_text
from msl import schema

_PARTS = ("delta", "low", "high")
_COLUMNS = (
    Column(SOURCE_ONLY, "source_only", ("mean", "std")),
    Column(STATISTICS, "statistics", _PARTS),
    Column(STEPS, "steps", _PARTS),
    Column(OBJECTIVE, "objective", _PARTS),
    Column("p", "objective p", ("Holm",)),
    Column(TOTAL, "total", _PARTS),
    Column("dose", "dose"),
)
_GAP = Column("of the gap", "gap", ("share", "low", "high"))


def attribution_table(parts: Sequence[Attribution], measure: Measure, gap: Gap | None = None) -> Table:
    """A row a group; each part of the gain with its paired 95 % t interval.

    Args:
        parts: as `attribution` gives them.
        measure: of which the parts are.
        gap: shown as another column: how much of it the total gain closes.
    """
    footnotes = Footnotes()
    names = [part.group.name for part in parts]
    p_values = holm([part.objective.p_value for part in parts])
    rows = [
        (*_row(part, label, p, measure.unit, footnotes), *_shares(part, gap, footnotes))
        for part, label, p in zip(parts, short_names(names), p_values, strict=True)
    ]
    columns = (Column("group", "group", numeric=False), Column("n", "n"), *_COLUMNS, *([_GAP] if gap else []))
    return Table(_caption(measure, gap, shared_note(names)), columns, tuple(rows), footnotes.texts)


def _row(part: Attribution, label: str, p: float, unit: str, footnotes: Footnotes) -> tuple[Cell, ...]:
    n = len(part.group.runs)
    cells = {
        SOURCE_ONLY: _score(part.source_only, unit),
        STATISTICS: _part(part.statistics, unit),
        STEPS: _part(part.steps, unit),
        OBJECTIVE: _part(part.objective, unit),
        TOTAL: _part(part.total, unit),
    }
    name = name_cell(label, part.group.name, footnotes.mark(part.notes))
    notes = _seeds_notes(part.seeds, n)
    *parts, total = (replace(cell, marks=footnotes.mark(notes.get(key, []))) for key, cell in cells.items())
    return name, Cell(str(n), (n,)), *parts, p_cell(p), total, Cell(number_text(part.dose), (part.dose,))


def _shares(part: Attribution, gap: Gap | None, footnotes: Footnotes) -> list[Cell]:
    """The cell of the gap in percent, if there is one."""
    if gap is None:
        return []
    if obstacle := gap.obstacle(part):
        return [Cell(NOTHING, (math.nan,) * 3, footnotes.mark([f"{_GAP.heading}: {obstacle}"]))]
    share, n = gap.closed(part), len(part.group.runs)
    notes = _seeds_notes({_GAP.heading: gap.seeds(part)}, n).get(_GAP.heading, [])
    if share.interval is None:
        notes = [*notes, f"{_GAP.heading}: no interval: too few seeds, or the gap itself may be 0"]
        return [Cell(f"{share.value:.0%}", (share.value, math.nan, math.nan), footnotes.mark(notes))]
    low, high = share.interval.low, share.interval.high
    return [Cell(f"{share.value:.0%} [{low:.0%}, {high:.0%}]", (share.value, low, high), footnotes.mark(notes))]


def _seeds_notes(seeds_by_number: Mapping[str, tuple[str, ...]], n: int) -> dict[str, list[str]]:
    """The seeds behind the numbers that are not over all n, as a footnote of each; one for all with the same seeds."""
    names: dict[tuple[str, ...], list[str]] = {}
    for name, seeds in seeds_by_number.items():
        if 0 < len(seeds) < n:
            names.setdefault(seeds, []).append(name)
    return {
        name: [f"{', '.join(same)}: over seed{'s' * (len(seeds) > 1)} {', '.join(seeds)} only"]
        for seeds, same in names.items()
        for name in same
    }


def _score(score: Summary, unit: str) -> Cell:
    spread = "" if math.isnan(score.std) else f" ± {number_text(score.std, unit)}"
    return Cell(number_text(score.mean, unit) + spread, (score.mean, score.std))


def _part(difference: Difference, unit: str) -> Cell:
    interval = difference.interval()
    text = number_text(difference.mean, unit, sign=True)
    if interval is None:
        return Cell(text, (difference.mean, math.nan, math.nan))
    bounds = interval_text(interval.low, interval.high, unit, sign=True)
    return Cell(f"{text} {bounds}", (difference.mean, interval.low, interval.high))


def _caption(measure: Measure, gap: Gap | None, shared: str) -> str:
    unit = " in percent" if measure.unit == schema.PERCENT else ""
    parts = [
        f"Gain in {measure.heading}{unit} over source only, taken apart: statistics (bn - source only), further steps "
        "(twin with λ 0 - bn), objective (run - twin), each with its paired 95 % t interval over the seeds that "
        "have both runs scored",
        "p of the objective by a paired t test, corrected by Holm for the rows",
        "dose: λ · Σ lr",
    ]
    if gap is not None:
        parts.append(
            f"{_GAP.heading}: total / ({gap.supervised.name} - source only), seed by seed, with Fieller's 95 % interval"
        )
    return "; ".join(filter(None, [*parts, shared]))
