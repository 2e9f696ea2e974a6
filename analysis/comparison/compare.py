"""Comparison tables: one row a seed group, with its differences to a baseline group."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import pandas as pd

from analysis.comparison.published import Published
from analysis.comparison.published import published as published_rows
from analysis.errors import AnalysisError
from analysis.seeds import comparability as guard
from analysis.seeds.groups import Measure, SeedGroup, find_group, find_measure, seed_groups
from analysis.seeds.statistics import Difference, Interval, Summary
from analysis.tables.table import Cell, Column, Footnotes, Sheet, show, show_interval, text_cell
from msl import schema

Spread = Literal["std", "t", "bootstrap"]
Layout = Literal["columns", "report"]

# Scores after the last step; and the best of all evaluations, which an oracle chose by looking at target labels.
MEASURES = ("last/mIoU", "last/fwIoU", "last/PA", "best/mIoU")
# The columns of the report's last table.
REPORT_MEASURES = ("mIoU", "fwIoU", "PA", "target_loss", "train_loss")

# Stages whose runs others need, and which score nothing.
_UNSCORED = frozenset({"train_style", "stylize"})

_SPREADS = {"std": "mean ± std", "t": "mean [95 % t interval]", "bootstrap": "mean [95 % BCa bootstrap interval]"}


@dataclass(frozen=True)
class Row:
    """A seed group beside the baseline's."""

    group: SeedGroup
    label: str
    scores: tuple[Summary, ...]  # of each measure
    differences: tuple[Difference, ...]  # to the baseline's
    notes: tuple[str, ...]

    @property
    def deltas(self) -> tuple[float, ...]:
        """Differences of the means."""
        return tuple(difference.mean for difference in self.differences)


@dataclass(frozen=True)
class Comparison:
    """Seed groups beside a baseline, whose row is the first; the others come by their first measure."""

    baseline: str
    measures: tuple[Measure, ...]
    rows: tuple[Row, ...]


def compare(runs: pd.DataFrame, baseline: str, measures: Sequence[str] | None = None) -> Comparison:
    """Compare the seed groups among `runs` with one of them; of several finished runs with one seed the newest counts.

    Decoders and styled copies are compared by what they have, which is no score.

    Args:
        runs: as `Store.runs` gives them; for losses, with `analysis.seeds.trends.with_courses`.
        baseline: the group's name, or a part that only its name has.
        measures: names as `find_measure` takes them; left out, those of MEASURES that are recorded.

    Raises:
        AnalysisError: there is no finished run of msl's, no single group that `baseline` fits, or no such measure.
    """
    groups = seed_groups(runs)
    base = find_group(baseline, groups)
    chosen = _recorded(runs) if measures is None else [find_measure(name, runs) for name in measures]
    rows = [row(group, base, chosen) for group in groups.values()]
    scored = (r for r in rows if r.group is base or r.group.stage not in _UNSCORED or any(s.n for s in r.scores))
    ranked = sorted(scored, key=lambda r: (r.group is not base, -r.scores[0].mean if r.scores[0].n else math.inf))
    return Comparison(base.name, tuple(chosen), tuple(ranked))


def row(group: SeedGroup, base: SeedGroup, measures: Sequence[Measure], label: str | None = None) -> Row:
    """A group's row in a comparison with `base`."""
    scores = [group.values(measure) for measure in measures]
    differences = [Difference.between(own, base.values(measure)) for own, measure in zip(scores, measures, strict=True)]
    notes = guard.notes(group, base, measures)
    if group.name != base.name:
        notes += _seeds(differences[0], len(group.runs), len(base.runs))
    summaries = tuple(Summary.of(values.values()) for values in scores)
    return Row(group, group.name if label is None else label, summaries, tuple(differences), tuple(notes))


def sheet(
    table: Comparison,
    spread: Spread = "std",
    layout: Layout = "columns",
    published: Iterable[Published] = (),
    label: str = "group",
    caption: str | None = None,
) -> Sheet:
    """The table to be written.

    Args:
        table: what to write.
        spread: what stands behind a mean: the standard deviation, or an interval, which differences then have as well.
        layout: ``columns`` gives differences a column of their own, ``report`` puts them in parentheses.
        published: rows of other people's tables, put below.
        label: heading of the first column.
        caption: in place of the usual one.
    """
    footnotes = Footnotes()
    own = [_own_row(r, table, spread, layout, footnotes) for r in table.rows]
    others = [_published_row(p, table, layout, footnotes) for p in published]
    columns = (Column(label, label, numeric=False), Column("n", "n"), *_columns(table.measures, layout))
    return Sheet(caption or _caption(table, spread, layout), columns, (*own, *others), footnotes.texts)


def beside(group: SeedGroup) -> list[Published]:
    """The published rows on a group's own domains and classes."""
    names = [data[0].name if (data := group.data(role)) else "" for role in schema.DOMAINS]
    return published_rows(names[0], names[1], group.settings.get("label_set"))


def score_text(score: Summary, spread: Spread = "std", percent: bool = True) -> str:
    """Mean and spread as tables show them."""
    mean = show(score.mean, percent)
    if spread == "std":
        return mean if math.isnan(score.std) else f"{mean} ± {show(score.std, percent)}"
    interval = score.interval(spread)
    return mean if interval is None else f"{mean} {show_interval(interval, percent)}"


def _recorded(runs: pd.DataFrame) -> list[Measure]:
    found = []
    for name in MEASURES:
        try:
            found.append(find_measure(name, runs))
        except AnalysisError as error:
            reason = error
    if not found:
        raise reason
    return found


def _seeds(difference: Difference, n: int, base_n: int) -> list[str]:
    """What the seeds allowed."""
    match difference.method:
        case "paired" if difference.own.n < max(n, base_n):
            return [f"Δ over the {difference.own.n} seeds that it has in common with the baseline"]
        case "unpaired":
            return ["fewer than two seeds in common with the baseline: Δ of the means, Welch's interval"]
        case "one pair" if max(n, base_n) > 1:
            return ["Δ over the one seed that it has in common with the baseline, so without interval"]
        case "means":
            return ["no seed in common with the baseline: Δ of the means, without interval"]
    return []


def _columns(measures: Sequence[Measure], layout: Layout) -> list[Column]:
    scores, deltas = ("mean", "std", "low", "high"), ("delta", "delta low", "delta high", "p", "effect")
    columns = []
    for measure in measures:
        if layout == "report":
            columns.append(Column(measure.heading.removesuffix(" " + schema.LAST), measure.key, (*scores, *deltas)))
        else:
            columns += [Column(measure.heading, measure.key, scores), Column("Δ", measure.key, deltas)]
    return columns


def _own_row(r: Row, table: Comparison, spread: Spread, layout: Layout, footnotes: Footnotes) -> tuple[Cell, ...]:
    cells = [text_cell(r.label, footnotes.mark(r.notes)), Cell(str(len(r.group.runs)), (len(r.group.runs),))]
    for measure, score, difference in zip(table.measures, r.scores, r.differences, strict=True):
        is_base = r.group.name == table.baseline
        score_cell = Cell(score_text(score, spread, measure.is_percent), _score_values(score, spread))
        delta_cell = _delta_cell(None if is_base else difference, spread, measure)
        cells += _laid_out(score_cell, delta_cell, layout)
    return tuple(cells)


def _published_row(p: Published, table: Comparison, layout: Layout, footnotes: Footnotes) -> tuple[Cell, ...]:
    named = {_published_key(name): value for name, value in p.scores.items()}
    deltas = {_published_key(name): value for name, value in p.differences.items()}
    cells = [text_cell(p.method, footnotes.mark([p.note])), Cell("", ("",))]
    best = {measure.metric for measure in table.measures if measure.which == schema.BEST}
    for measure in table.measures:
        fits = measure.which == schema.BEST or measure.metric not in best  # what is published are best checkpoints
        value, delta = (x.get(measure.metric, math.nan) if fits else math.nan for x in (named, deltas))
        score_cell = Cell(show(value, measure.is_percent), (value, *[math.nan] * 3))
        shown = "" if math.isnan(delta) else show(delta, measure.is_percent, sign=True)
        cells += _laid_out(score_cell, Cell(shown, (delta, *[math.nan] * 4)), layout)
    return tuple(cells)


def _published_key(name: str) -> str:
    losses: Mapping[str, str] = {"target_loss": schema.loss(schema.TARGET), "train_loss": schema.loss(schema.SOURCE)}
    return losses.get(name) or schema.score(schema.TARGET, name)


def _laid_out(score: Cell, delta: Cell, layout: Layout) -> list[Cell]:
    if layout == "columns":
        return [score, delta]
    return [Cell(f"{score.text} ({delta.text})" if delta.text else score.text, (*score.values, *delta.values))]


def _score_values(score: Summary, spread: Spread) -> tuple[float, ...]:
    return score.mean, score.std, *_bounds(score.interval("bootstrap" if spread == "bootstrap" else "t"))


def _delta_cell(difference: Difference | None, spread: Spread, measure: Measure) -> Cell:
    """A difference; nothing for the baseline itself, or where one of the two has no number."""
    if difference is None or math.isnan(difference.mean):
        return Cell("", (0.0 if difference is None else math.nan, *[math.nan] * 4))
    interval = difference.interval("bootstrap" if spread == "bootstrap" else "t")
    text = show(difference.mean, measure.is_percent, sign=True)
    if spread != "std" and interval is not None:
        text += " " + show_interval(interval, measure.is_percent, sign=True)
    return Cell(text, (difference.mean, *_bounds(interval), difference.p_value, difference.effect))


def _bounds(interval: Interval | None) -> tuple[float, float]:
    return (math.nan, math.nan) if interval is None else (interval.low, interval.high)


def _caption(table: Comparison, spread: Spread, layout: Layout) -> str:
    said = [f"Target scores in percent, {_SPREADS[spread]} over n seeds"]
    if any(measure.which == schema.BEST for measure in table.measures):
        said.append("best is chosen by target labels, so an upper bound")
    if not all(measure.is_percent for measure in table.measures):
        said.append("losses are weighted, and averaged over the last epoch")
    said.append(f"Δ {'in parentheses, ' if layout == 'report' else ''}to {table.baseline}")
    return "; ".join(said)
