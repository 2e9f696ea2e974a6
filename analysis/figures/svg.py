"""Curves as inline SVG for a page, with the numbers that the page shows under the pointer."""

import html
import json
from collections.abc import Mapping, Sequence
from typing import Any

from analysis.figures import style
from analysis.figures.curves import Axis, GroupCurve
from analysis.seeds import Summary, short_names
from analysis.tables import number_text, one_line

# In the units of the drawing, which are pixels of a phone; a page on a desktop puts several charts side by side.
_WIDTH, _HEIGHT = 440, 260
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 12, 12, 40
_MARGIN = 0.06  # of the values' range, above and below


def svg_chart(title: str, curves: Sequence[GroupCurve], places: Mapping[str, int], axis: Axis, unit: str) -> str:
    """A figure: the curves, and below them every group with its value, which follows the pointer.

    Args:
        title: what is drawn, with its unit.
        curves: one a group.
        places: of all groups of the page, so that each keeps its colour.
        axis: that of the curves.
        unit: of the values.
    """
    area = _Area(curves)
    data = {
        "left": _LEFT,
        "right": _WIDTH - _RIGHT,
        "axis": axis,
        "curves": [_values(curve, area, unit) for curve in curves],
    }
    names = short_names([curve.group for curve in curves])
    label = f"{title} over {axis}s; arrow keys move the pointer"
    return "\n".join(
        [
            '<figure class="chart">',
            f"<figcaption>{html.escape(title)}</figcaption>",
            f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" tabindex="0" aria-label="{html.escape(label)}">',
            *_axes(area, axis),
            *(_curve(curve, area, places[curve.group]) for curve in curves),
            f'<line class="pointer" y1="{_TOP}" y2="{_HEIGHT - _BOTTOM}" x1="-9" x2="-9"/>',
            *(f'<circle class="dot s{_colour(places[curve.group])}" r="4" cx="-9" cy="-9"/>' for curve in curves),
            "</svg>",
            '<p class="at" aria-live="polite"></p>',
            '<ul class="legend">',
            *(_entry(curve, name, places[curve.group], unit) for curve, name in zip(curves, names, strict=True)),
            "</ul>",
            f'<script type="application/json">{_json(data)}</script>',
            "</figure>",
        ]
    )


def value_text(summary: Summary, unit: str) -> str:
    """Mean and standard deviation, as tables show them."""
    spread = f" ± {number_text(summary.std, unit)}" if summary.n > 1 else ""
    return number_text(summary.mean, unit) + spread


class _Area:
    """The scales of a chart."""

    def __init__(self, curves: Sequence[GroupCurve]) -> None:
        from matplotlib.ticker import MaxNLocator

        xs = [x for curve in curves for x in curve.x]
        ys = [y for curve in curves for y in (*curve.lows, *curve.highs)]
        self._x = _range(min(xs), max(xs), 0.0)
        self._y = _range(min(ys), max(ys), _MARGIN)
        self.x_ticks = [t for t in MaxNLocator(5).tick_values(*self._x) if self._x[0] <= t <= self._x[1]]
        self.y_ticks = [t for t in MaxNLocator(5).tick_values(*self._y) if self._y[0] <= t <= self._y[1]]

    def x(self, value: float) -> float:
        low, high = self._x
        return round(_LEFT + (value - low) / (high - low) * (_WIDTH - _LEFT - _RIGHT), 1)

    def y(self, value: float) -> float:
        low, high = self._y
        return round(_HEIGHT - _BOTTOM - (value - low) / (high - low) * (_HEIGHT - _TOP - _BOTTOM), 1)


def _range(low: float, high: float, margin: float) -> tuple[float, float]:
    extent = high - low or abs(high) or 1.0
    return (low - margin * extent, high + margin * extent) if high > low else (low - extent / 2, high + extent / 2)


def _axes(area: _Area, axis: Axis) -> list[str]:
    bottom, right = _HEIGHT - _BOTTOM, _WIDTH - _RIGHT
    lines = [f'<line class="grid" x1="{_LEFT}" x2="{right}" y1="{y}" y2="{y}"/>' for y in map(area.y, area.y_ticks)]
    lines += [f'<text x="{_LEFT - 8}" y="{area.y(t) + 4}" text-anchor="end">{_tick(t)}</text>' for t in area.y_ticks]
    lines += [f'<text x="{area.x(t)}" y="{bottom + 18}" text-anchor="middle">{_tick(t)}</text>' for t in area.x_ticks]
    lines.append(f'<line class="base" x1="{_LEFT}" x2="{right}" y1="{bottom}" y2="{bottom}"/>')
    name = "iteration" if axis == "step" else axis
    return [*lines, f'<text x="{(_LEFT + right) / 2}" y="{_HEIGHT - 4}" text-anchor="middle">{name}</text>']


def _tick(value: float) -> str:
    return f"{round(value, 10):g}" if abs(value) < 1e6 else f"{value / 1e6:g}M"


def _curve(curve: GroupCurve, area: _Area, place: int) -> str:
    def points(ys: Sequence[float]) -> list[str]:
        return [f"{area.x(x)},{area.y(y)}" for x, y in zip(curve.x, ys, strict=True)]

    spread = ""
    if any(summary.n > 1 for summary in curve.seeds):
        outline = " ".join([*points(curve.highs), *reversed(points(curve.lows))])
        spread = f'<polygon class="band f{_colour(place)}" points="{outline}"/>'
    dashes = f' stroke-dasharray="{style.dash(place)}"' if style.dash(place) else ""
    return f'{spread}<polyline class="line s{_colour(place)}"{dashes} points="{" ".join(points(curve.means))}"/>'


def _values(curve: GroupCurve, area: _Area, unit: str) -> dict[str, Any]:
    """What the page's script shows of a curve, and where."""
    return {
        "px": [area.x(x) for x in curve.x],
        "py": [area.y(y) for y in curve.means],
        "x": [f"{x:g}" if x < 1e6 else f"{x:.0f}" for x in curve.x],
        "text": [value_text(summary, unit) for summary in curve.seeds],
    }


def _entry(curve: GroupCurve, name: str, place: int, unit: str) -> str:
    dashes = f' stroke-dasharray="{style.dash(place)}"' if style.dash(place) else ""
    key = f'<line class="line s{_colour(place)}"{dashes} x1="1" x2="23" y1="5" y2="5"/>'
    swatch = f'<svg class="key" viewBox="0 0 24 10" aria-hidden="true">{key}</svg>'
    value, text = value_text(curve.seeds[-1], unit), html.escape(one_line(name))
    return f'<li>{swatch}<span class="name">{text}</span> <span class="value">{value}</span></li>'


def _colour(place: int) -> int:
    return place % len(style.COLOURS)


def _json(data: object) -> str:
    """JSON that may stand in a script element, whatever names are in it."""
    return json.dumps(data, separators=(",", ":")).replace("<", "\\u003c")
