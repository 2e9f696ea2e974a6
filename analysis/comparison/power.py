"""How many seeds a difference needs, from the spread that the groups of a store show."""

from collections.abc import Sequence
from dataclasses import dataclass

from analysis.comparison.compare import Comparison
from analysis.errors import AnalysisError
from analysis.seeds import Difference, Interval, pairs_needed, short_names
from analysis.tables import Cell, Column, Table, interval_text, name_cell, number_text

_MANY = "more than 10 000"


@dataclass(frozen=True)
class Spread:
    """The spread of a group's differences to the baseline, seed by seed."""

    name: str
    difference: Difference

    @property
    def deviation(self) -> float:
        """Standard deviation of the differences."""
        return self.difference.pairs.std

    @property
    def bounds(self) -> Interval:
        """Its 95 % interval: with few pairs it is wide."""
        interval = self.difference.pairs.std_interval()
        assert interval is not None
        return interval


def spreads(comparison: Comparison) -> list[Spread]:
    """The groups that have at least two seeds in common with the baseline, by the first measure.

    Raises:
        AnalysisError: there is none.
    """
    pairs = [Spread(row.group.name, row.differences[0]) for row in comparison.rows]
    pairs = [s for s in pairs if s.name != comparison.baseline and s.difference.method == "paired"]
    if not pairs:
        raise AnalysisError(
            f"no group has two seeds in common with {comparison.title}: without pairs there is no spread. Run two "
            "seeds of both"
        )
    return pairs


def power_table(comparison: Comparison, differences: Sequence[float], power: float = 0.8) -> Table:
    """A row a group: the spread of its pairs, and the pairs that each difference needs.

    Args:
        comparison: with the measure in its first column.
        differences: to find, in the unit of the measure.
        power: probability of finding them.
    """
    measure = comparison.measures[0]
    of_groups = spreads(comparison)
    columns = (
        Column("group", "group", numeric=False),
        Column("pairs", "pairs"),
        Column("std of Δ", "std", ("mean", "low", "high")),
        *(
            Column(f"Δ {difference:g}", f"pairs for {difference:g}", ("pairs", "low", "high"))
            for difference in differences
        ),
    )
    labels = short_names([spread.name for spread in of_groups])
    rows = [
        (
            name_cell(label, spread.name),
            Cell(str(spread.difference.pairs.n), (spread.difference.pairs.n,)),
            _deviation(spread, measure.unit),
            *(_needed(spread, difference, power) for difference in differences),
        )
        for label, spread in zip(labels, of_groups, strict=True)
    ]
    caption = (
        f"Pairs of runs (same seed and parent) with which a paired t test at 5 % finds a difference in "
        f"{measure.heading} to {comparison.title} with probability {power:g}; in brackets for the bounds of the 95 % "
        "interval of the standard deviation"
    )
    return Table(caption, columns, tuple(rows), ())


def _deviation(spread: Spread, unit: str) -> Cell:
    low, high = spread.bounds.low, spread.bounds.high
    text = f"{number_text(spread.deviation, unit)} {interval_text(low, high, unit)}"
    return Cell(text, (spread.deviation, low, high))


def _needed(spread: Spread, difference: float, power: float) -> Cell:
    deviations = (spread.deviation, spread.bounds.low, spread.bounds.high)
    counts = [pairs_needed(difference, deviation, power) for deviation in deviations]
    needed, low, high = (_MANY if count is None else str(count) for count in counts)
    return Cell(f"{needed} [{low}, {high}]", tuple(float("inf") if count is None else count for count in counts))
