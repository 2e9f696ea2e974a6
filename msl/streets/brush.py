"""The brush with which all things are drawn: a canvas, a domain's paints and random numbers."""

import math
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, cycle
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from msl.streets.canvas import Canvas, Colour
from msl.streets.finishes import ROWS
from msl.streets.style import Range, Style

T = TypeVar("T")

_BLOCK = 512  # random numbers drawn at a time
_HAND = 40  # random numbers for each thing; a thing that needs more gets the same ones again
_SHARED = ("bark", "dark", "head light", "housing", "hub", "plate", "pole", "tail light", "tyre", "window")
_BRIGHTEST = 1.25  # most light that a face receives from the sun, if the ground receives 1
_LOWEST_SUN = 0.35  # sine of the sun's height: for a lower sun, a face's light is computed with this height


def tone(colour: Colour, factor: float) -> Colour:
    """A colour, brighter or darker."""
    red, green, blue = colour
    return factor * red, factor * green, factor * blue


@dataclass(frozen=True)
class Light:
    """The sun and the sky of one sample."""

    toward: tuple[float, float, float]  # unit vector from the ground to the sun
    sun: float  # direct light on the ground
    sky: float  # ambient light
    casts: bool  # whether things cast shadows; False: overcast, they only darken the ground that they stand on

    @property
    def shift(self) -> tuple[float, float]:
        """The shadow of a point one metre high: its distance along x and z in metres."""
        x, y, z = self.toward
        return -x / y, -z / y

    def on(self, x: float, y: float, z: float) -> float:
        """Sunlight on a face with this unit normal, if the ground receives 1."""
        cosine = x * self.toward[0] + y * self.toward[1] + z * self.toward[2]
        return min(_BRIGHTEST, max(0.0, cosine) / max(self.toward[1], _LOWEST_SUN))


def _stream(draw: Callable[[int], NDArray[np.float64]]) -> Callable[[], float]:
    """A function that gives numbers one by one. They are drawn in blocks: so each costs a tenth of a call to NumPy."""

    def numbers() -> Iterator[float]:
        while True:
            yield from draw(_BLOCK).tolist()

    return numbers().__next__


class Brush:
    """Canvas, style, light and random numbers of one sample; `shared` holds the colours that all its things share."""

    def __init__(self, canvas: Canvas, style: Style, light: Light, rng: np.random.Generator) -> None:
        self.canvas = canvas
        self.style = style
        self.light = light
        self._rng = rng
        self._random = _stream(rng.random)
        self._normal = _stream(rng.standard_normal)
        self.shared = {material: self.paint(material) for material in _SHARED}

    def each(self, things: Iterable[T]) -> Iterator[T]:
        """The things, one by one, each with its own random numbers: how many it uses does not change the next thing.

        So a scene stays the same if details are left out that are too small to be visible.
        """
        common = self._random, self._normal
        sequence = list(things)
        hands = (draw((len(sequence), _HAND)).tolist() for draw in (self._rng.random, self._rng.standard_normal))
        for thing, evenly, normally in zip(sequence, *hands, strict=True):
            self._random, self._normal = cycle(evenly).__next__, cycle(normally).__next__
            yield thing
        self._random, self._normal = common

    def between(self, low: float, high: float) -> float:
        """A number drawn evenly."""
        return low + (high - low) * self._random()

    def within(self, bounds: Range) -> float:
        """A number drawn evenly between two bounds."""
        return self.between(*bounds)

    def chance(self, share: float) -> bool:
        """True in this share of the calls."""
        return self._random() < share

    def pick(self, options: Sequence[T]) -> T:
        """One of the options, each as likely as the others."""
        return options[int(self._random() * len(options))]

    def weigh(self, options: Sequence[T], weights: Iterable[float]) -> T:
        """One of the options, in proportion to their weights."""
        sums = list(accumulate(weights))
        return options[bisect_left(sums, self._random() * sums[-1])]

    def paint(self, material: str) -> Colour:
        """A colour for a thing: one of the material's tints, changed at random for this thing."""
        red, green, blue = self.pick(self.style.palette[material])
        brightness, channel = self.style.spread
        lift = brightness * self._normal()
        return red + lift + channel * self._normal(), green + lift, blue + lift + channel * self._normal()

    def cast(self, x0: float, x1: float, z0: float, z1: float, height: float) -> None:
        """Draw the shadow of a box with this footprint: below it, and where it keeps the sun from the ground."""
        dx, dz = (height * s for s in self.light.shift) if self.light.casts else (0.0, 0.0)
        (xa, xb), (za, zb) = (x0, x1) if dx > 0 else (x1, x0), (z0, z1) if dz > 0 else (z1, z0)
        hull = [(xa, za), (xb, za), (xb + dx, za + dz), (xb + dx, zb + dz), (xa + dx, zb + dz), (xa, zb)]
        self.canvas.shade(hull)

    def stand(self, x: float, z: float, *, lit: float | None = None, size: float = 1.0) -> "Stand":
        """A plane for a flat thing that faces the camera; its unit is `size` metres, its origin the thing's foot."""
        return Stand(self, (x, z), self.light.on(0, 0, -1) * 0.7 + 0.25 if lit is None else lit, size)


class Stand:
    """Draws in a plane that faces the camera; positions are metres to the right of its foot and above it."""

    def __init__(self, brush: Brush, foot: tuple[float, float], lit: float, size: float) -> None:
        camera, (x, z) = brush.canvas.camera, foot
        self.canvas = brush.canvas
        self._z = z
        self._lit = lit
        self.scale = size * camera.focal / z  # px a metre
        self._u = camera.u(x, z)
        self._v = camera.v(0.0, z)

    def face(self, label: str, colour: Colour, finish: str = "plain", *, lit: float | None = None) -> int:
        """Add a face of this plane; returns its number."""
        return self.canvas.flat(label, colour, self._z, lit=self._lit if lit is None else lit, finish=ROWS[finish])

    def outline(self, points: Sequence[tuple[float, float]]) -> list[float]:
        """Points in metres as u, v, u, v, … in px."""
        return [px for x, y in points for px in (self._u + self.scale * x, self._v - self.scale * y)]

    def outlines(self, points: NDArray[np.float64]) -> list[float]:
        """Points (n, 2) in metres as u, v, u, v, … in px: `outline` for many at once."""
        flat: list[float] = (points * (self.scale, -self.scale) + (self._u, self._v)).reshape(-1).tolist()
        return flat

    def polygon(self, points: Sequence[tuple[float, float]], number: int) -> None:
        """Paint a polygon."""
        self.canvas.fill(self.outline(points), number)

    def veil(self, points: Sequence[tuple[float, float]], number: int) -> None:
        """Paint a polygon that has holes."""
        self.canvas.veil(self.outline(points), number)

    def rectangle(self, x0: float, x1: float, y0: float, y1: float, number: int) -> None:
        """Paint an upright rectangle."""
        self.polygon([(x0, y0), (x1, y0), (x1, y1), (x0, y1)], number)

    def line(self, points: Sequence[tuple[float, float]], number: int, *, width: float) -> None:
        """Paint a line through points, `width` metres wide but at least a pixel."""
        self.canvas.trace(self.outline(points), number, max(1, round(width * self.scale)))

    def ellipse(self, x: float, y: float, width: float, height: float, number: int) -> None:
        """Paint an upright ellipse about a centre."""
        u, v = self._u + self.scale * x, self._v - self.scale * y
        du, dv = self.scale * width / 2, self.scale * height / 2
        self.canvas.fill_ellipse((u - du, v - dv, u + du, v + dv), number)

    def limb(
        self, start: tuple[float, float], end: tuple[float, float], number: int, *, width: float, taper: float = 1.0
    ) -> None:
        """Paint a bar between two points, `width` metres wide at the start and `taper` times that at the end."""
        (x0, y0), (x1, y1) = start, end
        length = math.hypot(x1 - x0, y1 - y0) or 1.0
        nx, ny = (y0 - y1) / length * width / 2, (x1 - x0) / length * width / 2
        end_nx, end_ny = nx * taper, ny * taper
        corners = [(x0 - nx, y0 - ny), (x0 + nx, y0 + ny), (x1 + end_nx, y1 + end_ny), (x1 - end_nx, y1 - end_ny)]
        self.polygon(corners, number)
