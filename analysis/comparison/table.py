"""A comparison as a table: scores, differences and published rows, in either of two layouts."""

import math
from collections.abc import Iterable, Sequence
from typing import Literal

from analysis.comparison.compare import Comparison, Row
from analysis.comparison.p_values import with_p_values
from analysis.comparison.published import Published
from analysis.seeds import ALIASES, Difference, Interval, Measure, Summary
from analysis.tables import Cell, Column, Footnotes, Table, interval_text, name_cell, number_text, text_cell
from msl import schema

Spread = Literal["std", "t", "bootstrap"]
Layout = Literal["columns", "report"]

_SPREADS = {"std": "mean ± std", "t": "mean [95 % t interval]", "bootstrap": "mean [95 % BCa bootstrap interval]"}
_SCORE_PARTS = ("mean", "std", "low", "high")
_DELTA_PARTS = ("delta", "delta low", "delta high", "p", "effect")
_NO_BOUNDS = (math.nan, math.nan)


def comparison_table(
    comparison: Comparison,
    spread: Spread = "std",
    layout: Layout = "columns",
    published: Iterable[Published] = (),
    label: str = "group",
    caption: str | None = None,
    intervals: bool = False,
) -> Table:
    """A comparison as a table.

    Args:
        comparison: from `compare` or `ablation`.
        spread: what follows a mean: the standard deviation, or an interval, which differences then have as well.
        layout: ``columns`` gives differences a column of their own, ``report`` puts them in parentheses.
        published: rows of other people's tables, below.
        label: heading of the first column.
        caption: in place of the usual one.
        intervals: differences have their 95 % t interval beside a standard deviation of the scores too.
    """
    footnotes = Footnotes()
    delta_spread: Spread = "t" if intervals and spread == "std" else spread
    rows = [_group_row(row, comparison, spread, delta_spread, layout, footnotes) for row in comparison.rows]
    rows += [_published_row(row, comparison, layout, footnotes) for row in published]
    columns = (Column(label, label, numeric=False), Column("n", "n"), *_columns(comparison.measures, layout))
    table = Table(caption or _caption(comparison, spread, layout, intervals), columns, tuple(rows), footnotes.texts)
    return with_p_values(table, comparison) if layout == "columns" and (intervals or spread != "std") else table


def _columns(measures: Sequence[Measure], layout: Layout) -> list[Column]:
    columns = []
    for measure in measures:
        if layout == "report":
            heading = measure.name if measure.which == schema.LAST else measure.heading
            columns.append(Column(heading, measure.key, (*_SCORE_PARTS, *_DELTA_PARTS)))
        else:
            columns += [Column(measure.heading, measure.key, _SCORE_PARTS), Column("Δ", measure.key, _DELTA_PARTS)]
    return columns


def _group_row(
    row: Row, comparison: Comparison, spread: Spread, delta_spread: Spread, layout: Layout, footnotes: Footnotes
) -> tuple[Cell, ...]:
    n = len(row.group.runs)
    cells = [name_cell(row.label, row.name, footnotes.mark(row.notes)), Cell(str(n), (n,))]
    for measure, score, difference in zip(comparison.measures, row.scores, row.differences, strict=True):
        is_baseline = row.group.name == comparison.baseline
        delta = _baseline_delta() if is_baseline else _delta_cell(difference, delta_spread, measure.unit)
        cells += _laid_out(_score_cell(score, spread, measure.unit), delta, layout)
    return tuple(cells)


def _published_row(row: Published, comparison: Comparison, layout: Layout, footnotes: Footnotes) -> tuple[Cell, ...]:
    scores, deltas = ({_metric(name): v for name, v in values.items()} for values in (row.scores, row.differences))
    cells = [text_cell(row.method, footnotes.mark([row.note])), Cell("", ("",))]
    best = {measure.metric for measure in comparison.measures if measure.which == schema.BEST}
    for measure in comparison.measures:
        fits = measure.which == schema.BEST or measure.metric not in best  # people publish their best checkpoints
        score, delta = (values.get(measure.metric, math.nan) if fits else math.nan for values in (scores, deltas))
        score_cell = Cell(number_text(score, measure.unit), (score, math.nan, *_NO_BOUNDS))
        text = "" if math.isnan(delta) else number_text(delta, measure.unit, sign=True)
        cells += _laid_out(score_cell, Cell(text, _delta_values(delta)), layout)
    return tuple(cells)


def _metric(name: str) -> str:
    return ALIASES.get(name) or schema.score(schema.TARGET, name)


def _laid_out(score: Cell, delta: Cell, layout: Layout) -> list[Cell]:
    if layout == "columns":
        return [score, delta]
    return [Cell(f"{score.text} ({delta.text})" if delta.text else score.text, (*score.values, *delta.values))]


def _score_cell(score: Summary, spread: Spread, unit: str) -> Cell:
    """Mean and spread."""
    interval = _interval(score, spread)
    text = number_text(score.mean, unit)
    if spread == "std" and not math.isnan(score.std):
        text += f" ± {number_text(score.std, unit)}"
    elif spread != "std" and interval is not None:
        text += f" {interval_text(interval.low, interval.high, unit)}"
    return Cell(text, (score.mean, score.std, *_bounds(interval)))


def _baseline_delta() -> Cell:
    return Cell("", _delta_values(0.0))


def _delta_cell(difference: Difference, spread: Spread, unit: str) -> Cell:
    """A difference; empty where one of the two groups has no number."""
    if math.isnan(difference.mean):
        return Cell("", _delta_values(math.nan))
    interval = _interval(difference, spread)
    text = number_text(difference.mean, unit, sign=True)
    if spread != "std" and interval is not None:
        text += f" {interval_text(interval.low, interval.high, unit, sign=True)}"
    return Cell(text, (difference.mean, *_bounds(interval), difference.p_value, difference.effect))


def _delta_values(delta: float) -> tuple[float, ...]:
    """The numbers behind a difference that has no statistics."""
    return delta, *_NO_BOUNDS, math.nan, math.nan


def _interval(numbers: Summary | Difference, spread: Spread) -> Interval | None:
    return numbers.interval("bootstrap" if spread == "bootstrap" else "t")


def _bounds(interval: Interval | None) -> tuple[float, float]:
    return _NO_BOUNDS if interval is None else (interval.low, interval.high)


def _caption(comparison: Comparison, spread: Spread, layout: Layout, intervals: bool) -> str:
    measures = comparison.measures
    scores = [measure for measure in measures if not measure.is_loss]
    parts = [f"{_scores_in_units(scores)}, {_SPREADS[spread]} over n seeds"]
    if lower := dict.fromkeys(measure.name for measure in scores if measure.lower_is_better):
        parts.append(f"lower is better for {', '.join(lower)}")
    if any(measure.which == schema.BEST for measure in measures):
        parts.append("best is chosen by target labels, so an upper bound")
    if len(scores) < len(measures):
        parts.append("losses are weighted, and averaged over the last epoch")
    parts.append(f"Δ {'in parentheses, ' if layout == 'report' else ''}to {comparison.title}")
    if intervals and any(difference.interval() for row in comparison.rows[1:] for difference in row.differences):
        parts[-1] += " [95 % t interval, seed by seed where both have the seeds]"
    return "; ".join(filter(None, [*parts, comparison.shared]))


def _scores_in_units(scores: Sequence[Measure]) -> str:
    """What the columns hold: scores in percent, and which of them have another unit."""
    if not scores:
        return "Losses"
    names: dict[str, list[str]] = {}
    for unit, name in dict.fromkeys((measure.unit, measure.name) for measure in scores):
        names.setdefault(unit, []).append(name)
    usual = schema.PERCENT if schema.PERCENT in names else next(iter(names))
    domains = {schema.parse_metric(measure.metric).domain for measure in scores}
    heading = "Source scores" if domains == {schema.SOURCE} else "Target scores"
    text = f"{heading} in {usual}" if usual else heading
    others = [f"{', '.join(names[unit])} {f'in {unit}' if unit else 'without unit'}" for unit in names if unit != usual]
    return f"{text} ({'; '.join(others)})" if others else text
