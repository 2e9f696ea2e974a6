"""The p values of a comparison, corrected for the number of its rows."""

import math
from dataclasses import replace

from analysis.comparison.compare import Comparison
from analysis.seeds import holm
from analysis.tables import Cell, Column, Table

CAPTION = "p of each difference by a t test, corrected by Holm for the rows of its column"
_SMALLEST = 0.001


def corrected_p_values(comparison: Comparison) -> list[list[float]]:
    """P of each row and measure; the comparisons of a measure with the baseline are one family."""
    compared = [
        [math.nan if row.group.name == comparison.baseline else d.p_value for d in row.differences]
        for row in comparison.rows
    ]
    by_measure = [holm(column) for column in zip(*compared, strict=True)]
    return [list(row) for row in zip(*by_measure, strict=True)]


def with_p_values(table: Table, comparison: Comparison) -> Table:
    """The table with a column of p after each difference; unchanged if no row has one.

    Args:
        table: of this comparison: a name, n, then a score and a difference for each measure.
        comparison: the numbers behind it.
    """
    values = corrected_p_values(comparison)
    if all(math.isnan(p) for row in values for p in row):
        return table
    places = range(3, len(table.columns), 2)  # of the differences
    columns, rows = list(table.columns[:2]), [list(row[:2]) for row in table.rows]
    for number, place in enumerate(places):
        columns += [*table.columns[place - 1 : place + 1], Column("p", table.columns[place].key, ("p Holm",))]
        for row, cells in enumerate(table.rows):
            p = values[row][number] if row < len(values) else math.nan  # published rows have none
            rows[row] += [*cells[place - 1 : place + 1], p_cell(p)]
    return replace(table, caption=f"{table.caption}; {CAPTION}", columns=tuple(columns), rows=tuple(map(tuple, rows)))


def p_cell(p: float) -> Cell:
    """A p value in three decimals; empty for NaN."""
    if math.isnan(p):
        return Cell("", (p,))
    return Cell(f"<{_SMALLEST}" if p < _SMALLEST else f"{p:.3f}", (p,))
