"""Curves as inline SVG for a page, with the data behind them for its readout."""

import html
import json
from collections.abc import Mapping, Sequence
from typing import Any

from analysis.figures import style
from analysis.figures.curves import Axis, Band
from analysis.tables.table import show

# In the units of the drawing, which are a phone's pixels; a desktop's page puts several side by side.
_WIDTH, _HEIGHT = 440, 260
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 12, 12, 40
_MARGIN = 0.06  # of the values' range, above and below


def chart(title: str, found: Sequence[Band], places: Mapping[str, int], axis: Axis, percent: bool) -> str:
    """A figure: the curves, below them every group with its value, which follows the pointer.

    Args:
        title: what is drawn, with its unit.
        found: one band a group.
        places: of all groups of the page, so that each keeps its colour.
        axis: of the bands' x.
        percent: whether values are shown with two decimals.
    """
    area = _Area(found)
    data = {
        "left": _LEFT,
        "right": _WIDTH - _RIGHT,
        "axis": axis,
        "curves": [_readout(band, area, percent) for band in found],
    }
    label = f"{title} over {axis}s; arrow keys move the readout"
    return "\n".join(
        [
            '<figure class="chart">',
            f"<figcaption>{html.escape(title)}</figcaption>",
            f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" tabindex="0" aria-label="{html.escape(label)}">',
            *_axes(area, axis),
            *(_curve(band, area, places[band.group]) for band in found),
            f'<line class="pointer" y1="{_TOP}" y2="{_HEIGHT - _BOTTOM}" x1="-9" x2="-9"/>',
            *(f'<circle class="dot s{_colour(places[band.group])}" r="4" cx="-9" cy="-9"/>' for band in found),
            "</svg>",
            '<p class="at" aria-live="polite"></p>',
            '<ul class="legend">',
            *(_entry(band, places[band.group], percent) for band in found),
            "</ul>",
            f'<script type="application/json">{_json(data)}</script>',
            "</figure>",
        ]
    )


def value_text(band: Band, index: int, percent: bool) -> str:
    """Mean and standard deviation at one place of a band, as tables show them."""
    summary = band.seeds[index]
    spread = f" ± {show(summary.std, percent)}" if summary.n > 1 else ""
    return show(summary.mean, percent) + spread


class _Area:
    """The scales of a chart."""

    def __init__(self, found: Sequence[Band]) -> None:
        from matplotlib.ticker import MaxNLocator

        xs = [x for band in found for x in band.x]
        ys = [y for band in found for y in (*band.lows, *band.highs)]
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


def _curve(band: Band, area: _Area, place: int) -> str:
    def points(ys: Sequence[float]) -> list[str]:
        return [f"{area.x(x)},{area.y(y)}" for x, y in zip(band.x, ys, strict=True)]

    spread = ""
    if any(summary.n > 1 for summary in band.seeds):
        outline = " ".join([*points(band.highs), *reversed(points(band.lows))])
        spread = f'<polygon class="band f{_colour(place)}" points="{outline}"/>'
    dashes = f' stroke-dasharray="{style.dash(place)}"' if style.dash(place) else ""
    return f'{spread}<polyline class="line s{_colour(place)}"{dashes} points="{" ".join(points(band.means))}"/>'


def _readout(band: Band, area: _Area, percent: bool) -> dict[str, Any]:
    return {
        "px": [area.x(x) for x in band.x],
        "py": [area.y(y) for y in band.means],
        "x": [f"{x:g}" if x < 1e6 else f"{x:.0f}" for x in band.x],
        "text": [value_text(band, index, percent) for index in range(len(band.x))],
    }


def _entry(band: Band, place: int, percent: bool) -> str:
    dashes = f' stroke-dasharray="{style.dash(place)}"' if style.dash(place) else ""
    key = f'<line class="line s{_colour(place)}"{dashes} x1="1" x2="23" y1="5" y2="5"/>'
    swatch = f'<svg class="key" viewBox="0 0 24 10" aria-hidden="true">{key}</svg>'
    name = html.escape(style.printable(band.group))
    value = value_text(band, -1, percent)
    return f'<li>{swatch}<span class="name">{name}</span> <span class="value">{value}</span></li>'


def _colour(place: int) -> int:
    return place % len(style.COLOURS)


def _json(data: object) -> str:
    """For inside of a script element, whatever names are in it."""
    return json.dumps(data, separators=(",", ":")).replace("<", "\\u003c")
