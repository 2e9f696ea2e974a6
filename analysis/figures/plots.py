"""Figures drawn by matplotlib, which is imported when the first is drawn: curves, bars of classes, dots of runs."""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from analysis.errors import AnalysisError
from analysis.figures import style
from analysis.figures.curves import Axis, GroupCurve
from analysis.figures.fonts import label
from analysis.seeds import Measure, SeedGroup, Summary, number, short_names
from msl import labels, schema

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_AXES: Mapping[Axis, str] = {"step": "iteration", "epoch": "epoch"}
_UNITS = {schema.PERCENT: "%"}  # others stand as they are
_LABELLED = 5  # lines that carry their names at their ends; more get a legend
_FEW = 12  # points of a curve that are marked
_SHORT = 24  # characters of a value below an axis
_SIDE_BY_SIDE = 50  # characters that fit below it
_LINES, _LINE_INCHES = 4, 0.28  # of a legend: more lines make the figure higher
_MOST_BARS = 40  # groups; a figure of more has too many pixels
_SPACING = 0.075  # of a plot's height that a line of text takes


def axis_label(metric: str) -> str:
    """What a metric is called at an axis, with its unit."""
    return _with_unit(schema.heading(metric), schema.unit(metric))


def curve_plots(curves: Mapping[str, Sequence[GroupCurve]], axis: Axis = "step") -> "Figure":
    """One plot a metric side by side, a line a group: the mean over seeds, in a band of ± one standard deviation.

    Args:
        curves: by metric, from `group_curves`.
        axis: that of the curves.
    """
    names = list(dict.fromkeys(curve.group for of_groups in curves.values() for curve in of_groups))
    places = {name: place for place, name in enumerate(names)}
    with style.styled([*names, *curves]):
        figure, plots = _plots(len(curves))
        for plot, (metric, of_groups) in zip(plots, curves.items(), strict=True):
            for curve in of_groups:
                _draw(plot, curve, places[curve.group])
            plot.set_xlabel(_AXES[axis])
            plot.set_title(label(axis_label(metric)), loc="left")
            plot.margins(x=0.02)
        if 1 < len(names) <= _LABELLED and all(len(of_groups) == len(names) for of_groups in curves.values()):
            _name_ends(plots[-1], curves[list(curves)[-1]], places)
        elif names:
            _legend_below(figure, plots[0], names, places)
    return figure


def class_bars(groups: Sequence[SeedGroup], domain: str = schema.TARGET, which: str = schema.LAST) -> "Figure":
    """IoU of every class, a bar a group with the seeds' standard deviation, sorted by the scores of the first group.

    Raises:
        AnalysisError: no group has IoU of single classes, or there are too many groups for one figure.
    """
    if len(groups) > _MOST_BARS:
        raise AnalysisError(f"bars show {_MOST_BARS} groups at most, and here are {len(groups)}; choose some (--group)")
    scores = _class_scores(groups, domain, which)
    if not scores:
        raise AnalysisError(f"no finished run here has IoU of single classes on the {domain} ({which} checkpoint)")
    ordered = sorted(scores, key=lambda name: -scores[name][0].mean if scores[name][0].n else 0.0)
    with style.styled([*ordered, *(group.name for group in groups)]):
        from matplotlib.figure import Figure

        figure = Figure(figsize=(style.WIDTH * 1.2, 1.5 + len(ordered) * max(0.3, 0.14 * len(groups))))
        plot = figure.add_subplot()
        for place, group in enumerate(groups):
            _bars(plot, group.name, [scores[name][place] for name in ordered], place, len(groups))
        plot.set_yticks(range(len(ordered)), [label(name) for name in ordered])
        plot.invert_yaxis()
        plot.margins(y=0.01)
        plot.grid(visible=False, axis="y")
        plot.set_xlim(left=0)
        plot.set_xlabel(_with_unit(f"IoU on the {domain}", schema.CLASS_IOU.unit))
        _legend_below(figure, plot, [group.name for group in groups], None)
    return figure


def scatter(groups: Sequence[SeedGroup], parameter: str, measure: Measure) -> "Figure":
    """A parameter against a metric: a dot a run, and a bar at the mean of each value of the parameter.

    Raises:
        AnalysisError: no group has the parameter and a number of that measure.
    """
    points: dict[str, list[float]] = {}
    for group in groups:
        if parameter in group.settings:
            summary = Summary.of(group.values(measure).values())
            points.setdefault(group.settings[parameter], []).extend(summary.values)
    points = {value: scores for value, scores in points.items() if scores}
    if not points:
        raise AnalysisError(f"no finished run here has both {parameter!r} and {measure.heading}")
    values = sorted(points, key=lambda value: (math.isnan(number(value)), number(value), value))
    with style.styled([*values, parameter]):
        figure, (plot,) = _plots(1)
        for place, value in enumerate(values):
            plot.plot([place] * len(points[value]), points[value], "o", color=style.colour(0), alpha=0.6, clip_on=False)
            plot.hlines(Summary.of(points[value]).mean, place - 0.25, place + 0.25, color=style.colour(1), linewidth=3)
        plot.set_xticks(range(len(values)), [label(value, _SHORT) for value in values])
        if max(map(len, values)) * len(values) > _SIDE_BY_SIDE:
            for text in plot.get_xticklabels():
                text.set(rotation=30, ha="right", rotation_mode="anchor")
        plot.set_xlim(-0.5, len(values) - 0.5)
        plot.grid(visible=False, axis="x")
        plot.set_xlabel(label(parameter))
        plot.set_title(f"{label(measure.heading)}: every run, and the means", loc="left")
    return figure


def _with_unit(text: str, unit: str) -> str:
    return f"{text}, {_UNITS.get(unit, unit)}" if unit else text


def _class_scores(groups: Sequence[SeedGroup], domain: str, which: str) -> dict[str, list[Summary]]:
    """The scores of each class, one a group; without classes that no group has."""
    prefix = schema.final(which, schema.class_iou(domain, ""))
    known = {name for label_set in labels.LABEL_SETS.values() for name in label_set.classes}
    columns = {str(column) for group in groups for column in group.runs}
    names = known | {column.removeprefix(prefix) for column in columns if column.startswith(prefix)}
    scores = {
        name: [Summary.of(group.values(Measure(which, schema.class_iou(domain, name))).values()) for group in groups]
        for name in sorted(names)
    }
    return {name: summaries for name, summaries in scores.items() if any(summary.n for summary in summaries)}


def _bars(plot: "Axes", name: str, summaries: Sequence[Summary], place: int, count: int) -> None:
    """The bars of one of `count` groups, a row a class."""
    height = 0.8 / count
    plot.barh(
        [row + (place - (count - 1) / 2) * height for row in range(len(summaries))],
        [summary.mean for summary in summaries],
        height * 0.9,
        color=style.colour(place),
        xerr=[0 if summary.n < 2 else summary.std for summary in summaries],
        error_kw={"elinewidth": 1, "ecolor": "#333333"},
        label=name,
    )


def _plots(count: int) -> "tuple[Figure, list[Axes]]":
    from matplotlib.figure import Figure

    columns = min(count, 3)
    rows = -(-count // columns)
    figure = Figure(figsize=(style.WIDTH * columns, style.HEIGHT * rows), layout="constrained")
    grid = figure.subplots(rows, columns, squeeze=False)
    plots = list(grid.flat)
    for empty in plots[count:]:
        empty.remove()
    return figure, plots[:count]


def _draw(plot: "Axes", curve: GroupCurve, place: int) -> None:
    colour, marker = style.colour(place), "o" if len(curve.x) <= _FEW else None
    plot.plot(curve.x, curve.means, color=colour, linestyle=style.line_style(place), marker=marker, gid=f"line-{place}")
    if any(summary.n > 1 for summary in curve.seeds):
        plot.fill_between(curve.x, curve.lows, curve.highs, color=colour, alpha=0.15, linewidth=0)


def _name_ends(plot: "Axes", curves: Sequence[GroupCurve], places: Mapping[str, int]) -> None:
    """Names beside the last points of the lines, moved apart where they would overlap."""
    low, high = plot.get_ylim()
    short = dict(zip(places, short_names(list(places)), strict=True))
    ordered = sorted(curves, key=lambda curve: curve.means[-1])
    heights: list[float] = []
    for curve in ordered:
        end = (curve.means[-1] - low) / (high - low)
        heights.append(max(end, heights[-1] + _SPACING) if heights else max(end, 0.02))
    above = max(0.0, heights[-1] - 0.98)
    for curve, height in zip(ordered, heights, strict=True):
        plot.annotate(
            label(short[curve.group]),
            xy=(1.02, height - above),
            xycoords="axes fraction",
            color=style.colour(places[curve.group]),
            va="center",
            annotation_clip=False,
        )


def _legend_below(figure: "Figure", plot: "Axes", names: Sequence[str], places: Mapping[str, int] | None) -> None:
    """A legend outside of the data, as wide as the figure allows."""
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    short = [label(name) for name in short_names(names)]
    if places is None:
        marks: list[Line2D | Patch] = [Patch(color=style.colour(place)) for place in range(len(names))]
    else:
        marks = [Line2D([], [], color=style.colour(p), linestyle=style.line_style(p)) for p in places.values()]
    wide = int(figure.get_figwidth() / (0.8 + 0.11 * max(map(len, short))))
    columns = max(1, min(len(names), wide))
    if (lines := -(-len(names) // columns)) > _LINES:
        figure.set_figheight(figure.get_figheight() + (lines - _LINES) * _LINE_INCHES)
    if figure.get_layout_engine() is not None:
        figure.legend(marks, short, loc="outside lower center", ncols=columns)
    else:
        below = (0.4, -0.7 / figure.get_figheight())
        plot.legend(marks, short, loc="upper center", bbox_to_anchor=below, ncols=columns)
