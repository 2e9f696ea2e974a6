"""Attribution as a table."""

import math
from collections.abc import Sequence

from analysis.comparison.attribution import Attribution
from analysis.comparison.p_values import p_cell
from analysis.seeds import Difference, Measure, Summary, holm, shared_note, short_names
from analysis.tables import Cell, Column, Footnotes, Table, interval_text, name_cell, number_text
from msl import schema

_PARTS = ("delta", "low", "high")
_COLUMNS = (
    Column("source only", "source_only", ("mean", "std")),
    Column("statistics", "statistics", _PARTS),
    Column("further steps", "steps", _PARTS),
    Column("objective", "objective", _PARTS),
    Column("p", "objective p", ("Holm",)),
    Column("total", "total", _PARTS),
    Column("dose", "dose"),
)


def attribution_table(parts: Sequence[Attribution], measure: Measure) -> Table:
    """A row a group; each part of the gain with its paired 95 % t interval."""
    footnotes = Footnotes()
    names = [part.group.name for part in parts]
    p_values = holm([part.objective.p_value for part in parts])
    rows = [
        _row(part, label, p, measure.unit, footnotes)
        for part, label, p in zip(parts, short_names(names), p_values, strict=True)
    ]
    columns = (Column("group", "group", numeric=False), Column("n", "n"), *_COLUMNS)
    return Table(_caption(measure, shared_note(names)), columns, tuple(rows), footnotes.texts)


def _row(part: Attribution, label: str, p: float, unit: str, footnotes: Footnotes) -> tuple[Cell, ...]:
    n = len(part.group.runs)
    return (
        name_cell(label, part.group.name, footnotes.mark(part.notes)),
        Cell(str(n), (n,)),
        _score(part.source_only, unit),
        *(_part(difference, unit) for difference in (part.statistics, part.steps, part.objective)),
        p_cell(p),
        _part(part.total, unit),
        Cell(number_text(part.dose), (part.dose,)),
    )


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


def _caption(measure: Measure, shared: str) -> str:
    unit = " in percent" if measure.unit == schema.PERCENT else ""
    parts = [
        f"Gain in {measure.heading}{unit} over source only, taken apart: statistics (bn - source only), further steps "
        "(twin with λ 0 - bn), objective (run - twin), each with its paired 95 % t interval over seeds",
        "p of the objective by a paired t test, corrected by Holm for the rows",
        "dose: λ · Σ lr",
    ]
    return "; ".join(filter(None, [*parts, shared]))
