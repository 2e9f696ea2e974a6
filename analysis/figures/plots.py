"""The report's figures: curves over training, bars of classes, a parameter against a metric. Matplotlib comes late."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from analysis.errors import AnalysisError
from analysis.figures import style
from analysis.figures.curves import Axis, Band
from analysis.seeds.groups import Measure, SeedGroup, number
from analysis.seeds.statistics import Summary
from msl import labels, schema

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# The curves of the report's figures, and what stands at their axes.
CURVES: Mapping[str, str] = {
    schema.score(schema.TARGET, schema.MIOU): "target mIoU, %",
    schema.score(schema.TARGET, schema.FWIOU): "target fwIoU, %",
    schema.score(schema.TARGET, schema.PA): "target PA, %",
    schema.score(schema.SOURCE, schema.MIOU): "source mIoU, %",
    schema.loss(schema.SOURCE): "source loss",
    schema.loss(schema.TARGET): "target loss",
}
_AXES: Mapping[Axis, str] = {"step": "iteration", "epoch": "epoch"}
_LABELLED = 5  # lines that carry their names at their ends; more get a legend
_FEW = 12  # points of a curve that are marked
_SPACING = 0.075  # of a plot's height that a line of text takes


def axis_label(metric: str) -> str:
    """What a metric is called at an axis, with its unit."""
    return CURVES.get(metric) or (f"{metric}, %" if metric.startswith(schema.DOMAINS) else metric)


def curves(drawn: Mapping[str, Sequence[Band]], axis: Axis = "step") -> "Figure":
    """One plot a metric side by side, a line a group: the mean over seeds, in a band of ± one standard deviation.

    Args:
        drawn: bands by metric, from `analysis.figures.curves.bands`.
        axis: that they are drawn over.
    """
    names = list(dict.fromkeys(band.group for found in drawn.values() for band in found))
    places = {name: place for place, name in enumerate(names)}
    with style.styled():
        figure, plots = _plots(len(drawn))
        for plot, (metric, found) in zip(plots, drawn.items(), strict=True):
            for band in found:
                _draw(plot, band, places[band.group])
            plot.set_xlabel(_AXES[axis])
            plot.set_title(style.printable(axis_label(metric)), loc="left")
            plot.margins(x=0.02)
        if 1 < len(names) <= _LABELLED and all(len(found) == len(names) for found in drawn.values()):
            _name_ends(plots[-1], drawn[list(drawn)[-1]], places)
        elif names:
            _legend_below(figure, plots[0], names, places)
    return figure


def class_bars(groups: Sequence[SeedGroup], domain: str = schema.TARGET, which: str = schema.LAST) -> "Figure":
    """IoU of every class, a bar a group with the seeds' standard deviation, in the order of the first group's scores.

    Raises:
        AnalysisError: no group has IoU of single classes.
    """
    prefix = schema.final(which, schema.class_iou(domain, ""))
    known = {name for found in labels.LABEL_SETS.values() for name in found.classes}
    names = known | {str(column).removeprefix(prefix) for g in groups for column in g.runs if prefix in str(column)}
    scores = {
        name: [Summary.of(group.values(Measure(which, schema.class_iou(domain, name))).values()) for group in groups]
        for name in sorted(names)
    }
    scores = {name: found for name, found in scores.items() if any(summary.n for summary in found)}
    if not scores:
        raise AnalysisError(f"no finished run here has IoU of single classes on the {domain} ({which} checkpoint)")
    ordered = sorted(scores, key=lambda name: -scores[name][0].mean if scores[name][0].n else 0.0)
    height = 0.8 / len(groups)
    with style.styled():
        from matplotlib.figure import Figure

        figure = Figure(figsize=(style.WIDTH * 1.2, 1.5 + len(ordered) * max(0.3, 0.14 * len(groups))))
        plot = figure.add_subplot()
        for place, group in enumerate(groups):
            found = [scores[name][place] for name in ordered]
            plot.barh(
                [row + (place - (len(groups) - 1) / 2) * height for row in range(len(ordered))],
                [summary.mean for summary in found],
                height * 0.9,
                color=style.colour(place),
                xerr=[0 if summary.n < 2 else summary.std for summary in found],
                error_kw={"elinewidth": 1, "ecolor": "#333333"},
                label=group.name,
            )
        plot.set_yticks(range(len(ordered)), [style.printable(name) for name in ordered])
        plot.invert_yaxis()
        plot.margins(y=0.01)
        plot.grid(visible=False, axis="y")
        plot.set_xlim(left=0)
        plot.set_xlabel(f"IoU on the {domain}, %")
        _legend_below(figure, plot, [group.name for group in groups], None)
    return figure


def scatter(groups: Sequence[SeedGroup], parameter: str, measure: Measure) -> "Figure":
    """A parameter against a metric: a dot a run, and a bar at the mean of each value of the parameter.

    Raises:
        AnalysisError: no group has the parameter, or a number of that measure.
    """
    points: dict[str, list[float]] = {}
    for group in groups:
        if parameter in group.settings:
            own = Summary.of(group.values(measure).values())
            points.setdefault(group.settings[parameter], []).extend(own.values)
    points = {value: scores for value, scores in points.items() if scores}
    if not points:
        raise AnalysisError(f"no finished run here has both {parameter!r} and {measure.heading}")
    values = sorted(points, key=lambda value: (number(value) != number(value), number(value), value))
    with style.styled():
        figure, (plot,) = _plots(1)
        for place, value in enumerate(values):
            plot.plot([place] * len(points[value]), points[value], "o", color=style.colour(0), alpha=0.6, clip_on=False)
            plot.hlines(Summary.of(points[value]).mean, place - 0.25, place + 0.25, color=style.colour(1), linewidth=3)
        plot.set_xticks(range(len(values)), [style.printable(value) for value in values])
        plot.set_xlim(-0.5, len(values) - 0.5)
        plot.grid(visible=False, axis="x")
        plot.set_xlabel(style.printable(parameter))
        plot.set_title(f"{measure.heading}: every run, and the means", loc="left")
    return figure


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


def _draw(plot: "Axes", band: Band, place: int) -> None:
    colour, marker = style.colour(place), "o" if len(band.x) <= _FEW else None
    plot.plot(band.x, band.means, color=colour, linestyle=style.line_style(place), marker=marker, gid=f"line-{place}")
    if any(summary.n > 1 for summary in band.seeds):
        plot.fill_between(band.x, band.lows, band.highs, color=colour, alpha=0.15, linewidth=0)


def _name_ends(plot: "Axes", found: Sequence[Band], places: Mapping[str, int]) -> None:
    """Names beside the last points of the lines, moved apart where they would overlap."""
    low, high = plot.get_ylim()
    short = dict(zip(places, style.short_names(list(places)), strict=True))
    ordered = sorted(found, key=lambda band: band.means[-1])
    heights: list[float] = []
    for band in ordered:
        own = (band.means[-1] - low) / (high - low)
        heights.append(max(own, heights[-1] + _SPACING) if heights else max(own, 0.02))
    above = max(0.0, heights[-1] - 0.98)
    for band, height in zip(ordered, heights, strict=True):
        place = places[band.group]
        plot.annotate(
            style.printable(short[band.group]),
            xy=(1.02, height - above),
            xycoords="axes fraction",
            color=style.colour(place),
            va="center",
            annotation_clip=False,
        )


def _legend_below(figure: "Figure", plot: "Axes", names: Sequence[str], places: Mapping[str, int] | None) -> None:
    """A legend outside of the data, as wide as the figure allows."""
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    short = [style.printable(name) for name in style.short_names(names)]
    if places is None:
        marks: list[Line2D | Patch] = [Patch(color=style.colour(place)) for place in range(len(names))]
    else:
        marks = [Line2D([], [], color=style.colour(p), linestyle=style.line_style(p)) for p in places.values()]
    wide = int(figure.get_figwidth() / (0.8 + 0.11 * max(map(len, short))))
    columns = max(1, min(len(names), wide))
    if figure.get_layout_engine() is not None:
        figure.legend(marks, short, loc="outside lower center", ncols=columns)
    else:
        below = (0.4, -0.7 / figure.get_figheight())
        plot.legend(marks, short, loc="upper center", bbox_to_anchor=below, ncols=columns)
