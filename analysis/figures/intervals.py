"""Means with their intervals, a row each: the parts of a gain, the regrets of criteria."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from analysis.figures import style
from analysis.figures.fonts import label
from analysis.seeds import Summary

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_ROW_INCHES, _SERIES_INCHES = 0.3, 0.2
_SPREAD = 0.6  # of a row that its series take
_BELOW = 0.22  # of a row, from a mean to the dots of its values


def interval_plot(
    rows: Sequence[str], series: Mapping[str, Sequence[Summary]], axis: str, title: str, single: bool = False
) -> "Figure":
    """A dot at each mean, a line over its 95 % t interval; a vertical line at 0.

    Args:
        rows: names, from the top.
        series: by its name in the legend, one summary for each row.
        axis: below the plot.
        title: above it.
        single: also a small dot for each value, below its mean.
    """
    with style.styled([*rows, *series]):
        from matplotlib.figure import Figure

        height = 1.4 + len(rows) * (_ROW_INCHES + _SERIES_INCHES * len(series))
        figure = Figure(figsize=(style.WIDTH * 1.4, height), layout="constrained")
        plot = figure.add_subplot()
        plot.axvline(0, color="#333333", linewidth=1)
        for place, (name, summaries) in enumerate(series.items()):
            _draw(plot, name, summaries, place, len(series), single)
        plot.set_yticks(range(len(rows)), [label(name) for name in rows])
        plot.set_ylim(len(rows) - 0.5, -0.5)
        plot.grid(visible=False, axis="y")
        plot.set_xlabel(axis)
        # At the figure's left: above a plot beside long names, a title would not fit.
        figure.suptitle(title, x=0.01, ha="left", fontsize=plot.title.get_fontsize())
        if len(series) > 1:
            figure.legend(loc="outside lower center", ncols=len(series))
    return figure


def _draw(plot: "Axes", name: str, summaries: Sequence[Summary], place: int, count: int, single: bool) -> None:
    shift = 0.0 if count == 1 else (place / (count - 1) - 0.5) * _SPREAD
    drawn = [(row + shift, summary) for row, summary in enumerate(summaries) if summary.n]
    for y, summary in drawn:
        if single:
            below = [y + _BELOW] * summary.n  # where the line over the interval does not hide them
            plot.plot(summary.values, below, "o", color=style.colour(place), alpha=0.4, markersize=4)
        if (interval := summary.interval()) is not None:
            plot.hlines(y, interval.low, interval.high, color=style.colour(place))
    means = [summary.mean for _, summary in drawn]
    name = name if drawn else "_"  # which the legend leaves out
    plot.plot(means, [y for y, _ in drawn], "o", color=style.colour(place), markersize=8, label=name)
