"""Figures of evidence: the parts of gains, and the regrets of criteria."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from analysis.comparison import Attribution, Selector
from analysis.comparison.selectors import SCORE
from analysis.errors import AnalysisError
from analysis.figures.intervals import interval_plot
from analysis.seeds import Measure, short_names
from msl import schema

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def gains_plot(parts: Sequence[Attribution], measure: Measure) -> "Figure":
    """The parts of each adaptation's gain over source only, a row a group that has parts.

    Raises:
        AnalysisError: no group has.
    """
    shown = [part for part in parts if part.has_parts]
    if not shown:
        raise AnalysisError(
            "no gain has parts to draw: run the twins (lambda_target=0), or stage bn from the same parents"
        )
    series = {
        "statistics": [part.statistics.as_summary for part in shown],
        "further steps": [part.steps.as_summary for part in shown],
        "objective": [part.objective.as_summary for part in shown],
    }
    title = f"Gain in {measure.heading} over source only, in parts"
    return interval_plot(short_names([part.group.name for part in shown]), series, "points, 95 % t interval", title)


def regrets_plot(criteria: Sequence[Selector]) -> "Figure":
    """The regret of each criterion that needs no target labels, with a dot for each case."""
    names, summaries = [selector.name for selector in criteria], [selector.summary for selector in criteria]
    axis = f"points of {schema.heading(SCORE)}; dots are cases, lines 95 % t intervals"
    return interval_plot(names, {"regret": summaries}, axis, "Regret of choosing without target labels", single=True)
