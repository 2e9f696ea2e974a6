"""Figures of evidence: the parts of gains, and the regrets of criteria."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from analysis.comparison import Attribution, Selector
from analysis.comparison.selectors import SCORE
from analysis.figures.intervals import interval_plot
from analysis.seeds import Measure, short_names
from msl import schema

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def gains_plot(parts: Sequence[Attribution], measure: Measure) -> "Figure":
    """The parts of each adaptation's gain over source only, a row a group."""
    series = {
        "statistics": [part.statistics.as_summary for part in parts],
        "further steps": [part.steps.as_summary for part in parts],
        "objective": [part.objective.as_summary for part in parts],
    }
    title = f"Gain in {measure.heading} over source only, in parts"
    return interval_plot(short_names([part.group.name for part in parts]), series, "points, 95 % t interval", title)


def regrets_plot(criteria: Sequence[Selector]) -> "Figure":
    """The regret of each criterion that needs no target labels, with a dot for each case."""
    names, summaries = [selector.name for selector in criteria], [selector.summary for selector in criteria]
    axis = f"points of {schema.heading(SCORE)}; dots are cases, lines 95 % t intervals"
    return interval_plot(names, {"regret": summaries}, axis, "Regret of choosing without target labels", single=True)
