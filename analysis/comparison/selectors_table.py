"""The regrets of criteria as a table."""

import math
from collections.abc import Sequence

from analysis.comparison.selectors import SCORE, Among, Selector, explained_choices
from analysis.tables import Cell, Column, Table, interval_text, number_text, text_cell
from msl import schema

_COLUMNS = (
    Column("criterion", "criterion", numeric=False),
    Column("chooses by", "chooses by", numeric=False),
    Column("cases", "cases"),
    Column("regret", "regret", ("mean", "low", "high")),
    Column("worst", "worst"),
    Column("best chosen", "best chosen"),
)
_CASES = {
    "checkpoints": "the evaluations of each run after its first step",
    "runs": "the last evaluations of runs that share parent and seed",
}


def selector_table(selectors: Sequence[Selector], among: Among) -> Table:
    """A row a criterion, the smallest regret first."""
    words, unit = explained_choices(among), schema.unit(SCORE)
    caption = (
        f"Regret of choosing by a criterion that needs no target labels, in points of {schema.heading(SCORE)}: best "
        f"candidate minus chosen one, mean [95 % t interval] over cases; candidates are {_CASES[among]}. entropy and "
        "information are what objectives minimise, so among runs a larger λ wins by itself"
    )
    return Table(caption, _COLUMNS, tuple(_row(selector, words[selector.name], unit) for selector in selectors), ())


def _row(selector: Selector, words: str, unit: str) -> tuple[Cell, ...]:
    n, summary = len(selector.regrets), selector.summary
    interval = summary.interval()
    low, high = (math.nan, math.nan) if interval is None else (interval.low, interval.high)
    text = number_text(summary.mean, unit)
    return (
        text_cell(selector.name),
        text_cell(words),
        Cell(str(n), (n,)),
        Cell(text if interval is None else f"{text} {interval_text(low, high, unit)}", (summary.mean, low, high)),
        Cell(number_text(selector.worst, unit), (selector.worst,)),
        Cell(f"{selector.hits} of {n}", (selector.hits,)),
    )
