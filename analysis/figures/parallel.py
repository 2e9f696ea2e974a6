"""Parallel coordinates: a line for each run through its settings to its score."""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from analysis.errors import AnalysisError
from analysis.figures import style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_STATE = "state"
_COMPLETE = "COMPLETE"
_PRUNED_COLOUR = "#bbbbbb"
_PALEST = 0.3  # opacity of the worst run with a score
_PAPER = {"facecolor": "white", "edgecolor": "none", "alpha": 0.85, "pad": 1.0}  # behind a word, so that it can be read
_LOG_RATIO = 30.0  # from which a positive axis is logarithmic


def parallel_coordinates(rows: Sequence[Mapping[str, Any]], metric: str) -> "Figure":
    """A vertical axis for each setting and one for the metric; the darker a line, the better the run.

    Args:
        rows: for each run its settings by name, its score under the name of the metric, and its `state`. Runs that are
            not COMPLETE are grey and end before the score.
        metric: its name.

    Raises:
        AnalysisError: no run has a score.
    """
    names = [name for name in dict.fromkeys(name for row in rows for name in row) if name not in (metric, _STATE)]
    scores = [float(row[metric]) for row in rows if _has_score(row, metric)]
    if not scores:
        raise AnalysisError(f"no run has the score {metric}")
    axes = {name: _Axis(name, [row[name] for row in rows if name in row]) for name in names}
    with style.styled([*names, metric]):
        from matplotlib.figure import Figure

        figure = Figure(figsize=(style.WIDTH * max(1.2, 0.45 * (len(names) + 1)), style.HEIGHT * 1.1))
        plot = figure.add_subplot()
        axes[metric] = _Axis(metric, scores)
        for row in sorted(rows, key=lambda row: _height(axes[metric], row)):
            _line(plot, axes, row, metric)
        for place, axis in enumerate(axes.values()):
            axis.draw(plot, place)
        _frame(plot, list(axes))
        _legend(plot, has_pruned=len(scores) < len(rows))
    return figure


class _Axis:
    """Heights from 0 to 1 for the values of a setting."""

    def __init__(self, name: str, values: Sequence[Any]) -> None:
        self.name = name
        numbers = [_number(value) for value in values]
        self._words = sorted(set(map(str, values))) if None in numbers or not numbers else []
        real = sorted({number for number in numbers if number is not None}) or [0.0]
        self._low, self._high = real[0], real[-1]
        self._is_log = self._low > 0 and self._high / self._low >= _LOG_RATIO

    def height(self, value: Any) -> float:
        if self._words:
            return self._words.index(str(value)) / max(1, len(self._words) - 1)
        scale = math.log if self._is_log else float
        low, high = scale(self._low), scale(self._high)
        return 0.5 if low == high else (scale(float(value)) - low) / (high - low)

    def draw(self, plot: "Axes", place: int) -> None:
        """The axis with its words, or with its ends and its middle."""
        plot.axvline(place, color="black", linewidth=1)
        middle = math.sqrt(self._low * self._high) if self._is_log else (self._low + self._high) / 2
        values: Sequence[Any] = self._words or sorted({self._low, middle, self._high})
        for value in values:
            text = value if self._words else f"{value:.3g}"
            plot.text(place + 0.03, self.height(value), text, va="center", fontsize=11, bbox=_PAPER, zorder=3)


def _number(value: Any) -> float | None:
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


def _has_score(row: Mapping[str, Any], metric: str) -> bool:
    return row.get(_STATE, _COMPLETE) == _COMPLETE and row.get(metric) is not None


def _height(axis: _Axis, row: Mapping[str, Any]) -> float:
    """Of a row's score; below all others without one, so that it is drawn first."""
    return axis.height(row[axis.name]) if _has_score(row, axis.name) else -1.0


def _line(plot: "Axes", axes: Mapping[str, _Axis], row: Mapping[str, Any], metric: str) -> None:
    drawn = [name for name in axes if name != metric or _has_score(row, metric)]
    points = [(list(axes).index(name), axes[name].height(row[name])) for name in drawn if name in row]
    height = _height(axes[metric], row)
    look = (
        {"color": style.colour(0), "alpha": _PALEST + (1 - _PALEST) * height**2}
        if height >= 0
        else {"color": _PRUNED_COLOUR}
    )
    plot.plot([x for x, _ in points], [y for _, y in points], **look)


def _frame(plot: "Axes", names: Sequence[str]) -> None:
    plot.set_xticks(range(len(names)), names)
    plot.set_yticks([])
    plot.set_xlim(-0.1, len(names) - 0.6)
    plot.grid(visible=False)
    for side in ("left", "bottom"):
        plot.spines[side].set_visible(False)


def _legend(plot: "Axes", has_pruned: bool) -> None:
    plot.plot([], [], color=style.colour(0), label="whole run; the darker, the better")
    if has_pruned:
        plot.plot([], [], color=_PRUNED_COLOUR, label="ended early")
    plot.legend(loc="upper center", bbox_to_anchor=(0.5, -0.12), ncols=2, frameon=False, fontsize=11)
