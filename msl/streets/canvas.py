"""The drawing surface: faces of a 3-D world, painted far to near into a map of face numbers.

Nothing is coloured here. A pixel of the map says *which* face it shows. `render` looks up the face's material and
computes the pixel's point in the world, because a plane's inverse depth is linear in the pixel's position.

World coordinates are metres with the camera's foot at the origin: x to the right, y up, z ahead.
"""

import math
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from msl.labels import CITYSCAPES_IDS

Colour = tuple[float, float, float]  # red, green, blue in 0 .. 255
Point = tuple[float, float, float]  # x, y, z in metres
Line = tuple[float, float, float, float]  # x0, z0, x1, z1 in metres: a line on the ground

LABELS = {name: raw for raw, name in CITYSCAPES_IDS.items() if name is not None}
LABELS |= {"ego vehicle": 1, "static": 4}  # Cityscapes' ids that no score counts

FAR = 250.0  # m, where the ground meets the sky
_SHADOWS_END = 50.0  # m, depth beyond which shadows are too flat to be visible
_DEPTHS = (1.0, 1.3, 1.8, 2.6, 4.0, 6.5, 11.0, 20.0, 40.0)  # of a strip's corners, as multiples of the nearest


@dataclass(frozen=True, kw_only=True)
class Camera:
    """A pinhole camera that looks along z, in a world sheared sideways so that streets bend."""

    width: int  # px
    height: int  # px
    focal: float  # px
    centre: tuple[float, float]  # px, where straight streets vanish
    eye: float  # m above the road
    bend: float  # 1/m: things at depth z are moved sideways by bend·z²

    def u(self, x: float, z: float) -> float:
        """Column of a point, px."""
        return self.centre[0] + self.focal * (x / z + self.bend * z)

    def v(self, y: float, z: float) -> float:
        """Row of a point, px."""
        return self.centre[1] + self.focal * (self.eye - y) / z

    @cached_property
    def near(self) -> float:
        """Depth in m at which the road leaves the image at the bottom; nothing nearer is drawn."""
        return 0.9 * self.focal * self.eye / (self.height - self.centre[1])


class Face(NamedTuple):
    """One row of the tables by which a map of faces is coloured; every number fits a float32."""

    label: float  # Cityscapes label id
    red: float
    green: float
    blue: float
    lit: float  # sunlight that the face receives, if the ground receives 1
    inverse_u: float  # 1/depth = inverse_u·u + inverse_v·v + inverse_0, in 1/m
    inverse_v: float
    inverse_0: float
    along_x: float  # the texture's first axis in the world: s = along_x·x + along_z·z + start
    along_z: float
    start: float
    upright: float  # 1: the texture's second axis is y; 0: the face lies flat and it is z
    finish: float  # row of `finishes.FINISHES`
    facade: float  # row of `Canvas.facades`, or -1


class Facade(NamedTuple):
    """How the windows of a building are laid out; lengths in metres, colours in 0 .. 255."""

    bay: float  # width of a window's cell
    storey: float  # height of a window's cell
    base: float  # height of the ground floor
    window_width: float  # share of the cell
    window_height: float  # share of the cell
    shop: float  # 1: shop windows with a sign above them on the ground floor
    top: float  # height of the eaves
    seed: float  # which windows are dark and which doors open
    glass: Colour
    frame: Colour
    accent: Colour


class Canvas:
    """A map of face numbers under construction, with the tables of the faces and the shadows on the ground."""

    def __init__(self, camera: Camera) -> None:
        self.camera = camera
        size = (camera.width, camera.height)
        self._map = Image.new("I", size)
        self._pen = ImageDraw.Draw(self._map)
        self._shadows = Image.new("L", size)
        self._shadow_pen = ImageDraw.Draw(self._shadows)
        self._behind = Image.new("I", size)
        sky = Face(LABELS["sky"], 0, 0, 0, 0, 0, 0, 1 / FAR, 0, 0, 0, 1, 0, -1)
        self._faces = array("f", sky)  # the rows of the table, one after the other
        self.facades: list[Facade] = []

    @property
    def ids(self) -> NDArray[np.int32]:
        """The map: numbers of faces, (H, W)."""
        return np.asarray(self._map, dtype=np.int32)

    @property
    def behind(self) -> NDArray[np.int32]:
        """The faces behind faces with holes: numbers of faces, (H, W)."""
        return np.asarray(self._behind, dtype=np.int32)

    @property
    def shadows(self) -> Image.Image:
        """The shadows on the ground: 0 or 255, (H, W)."""
        return self._shadows

    def add(self, face: Face) -> int:
        """Add a face to the tables; returns its number."""
        self._faces.extend(face)
        return len(self._faces) // len(face) - 1

    def fill(self, outline: Sequence[float], number: int) -> None:
        """Paint a polygon (u, v, u, v, … in px) with a face's number."""
        self._pen.polygon(outline, fill=number)

    def fill_ellipse(self, box: tuple[float, float, float, float], number: int) -> None:
        """Paint an upright ellipse (left, top, right, bottom in px)."""
        self._pen.ellipse(box, fill=number)

    def trace(self, points: Sequence[float], number: int, width: int) -> None:
        """Paint a line (u, v, u, v, … in px), `width` px wide."""
        self._pen.line(points, fill=number, width=width)

    def veil(self, outline: Sequence[float], number: int) -> None:
        """Paint a polygon and remember the faces that it covers: a fence or a crown of leaves has holes."""
        columns, rows = outline[0::2], outline[1::2]
        left, top = max(0, math.floor(min(columns))), max(0, math.floor(min(rows)))
        right = min(self.camera.width, math.ceil(max(columns)) + 1)
        bottom = min(self.camera.height, math.ceil(max(rows)) + 1)
        if right <= left or bottom <= top:
            return
        box = (left, top, right, bottom)
        stencil = Image.new("1", (right - left, bottom - top))
        moved = [px - (top if k % 2 else left) for k, px in enumerate(outline)]
        ImageDraw.Draw(stencil).polygon(moved, fill=1)
        self._behind.paste(self._map.crop(box), box, stencil)
        self.fill(outline, number)

    def flat(self, label: str, colour: Colour, z: float, *, lit: float, finish: int = 0) -> int:
        """Add a face that stands at depth z and faces the camera; returns its number."""
        return self.add(Face(LABELS[label], *colour, lit, 0, 0, 1 / z, 1, 0, 0, 1, finish, -1))

    def ground(self, label: str, colour: Colour, finish: int) -> int:
        """Add a face that lies on the ground; returns its number."""
        slope = 1 / (self.camera.focal * self.camera.eye)
        at_0 = -self.camera.centre[1] * slope
        return self.add(Face(LABELS[label], *colour, 1, 0, slope, at_0, 1, 0, 0, 0, finish, -1))

    def upright(
        self,
        label: str,
        colour: Colour,
        foot: Line,
        *,
        lit: float,
        finish: int,
        facade: int = -1,
    ) -> int:
        """Add a vertical face that stands on the line from (x0, z0) to (x1, z1); returns its number."""
        x0, z0, x1, z1 = foot
        u0, u1 = self.camera.u(x0, z0), self.camera.u(x1, z1)
        slope = (1 / z1 - 1 / z0) / (u1 - u0) if abs(u1 - u0) > 1e-3 else 0.0
        length = math.hypot(x1 - x0, z1 - z0)
        along_x, along_z = (x1 - x0) / length, (z1 - z0) / length
        start = -along_x * x0 - along_z * z0
        at_0 = 1 / z0 - slope * u0
        return self.add(Face(LABELS[label], *colour, lit, slope, 0, at_0, along_x, along_z, start, 1, finish, facade))

    def project(self, points: Sequence[Point]) -> list[float]:
        """The outline u, v, u, v, … in px of points in the world, all of them ahead of the camera."""
        camera = self.camera
        (u0, v0), focal, eye, bend = camera.centre, camera.focal, camera.eye, camera.bend
        outline: list[float] = []
        for x, y, z in points:  # `camera.u` and `camera.v`, without two calls a point
            outline += (u0 + focal * (x / z + bend * z), v0 + focal * (eye - y) / z)
        return outline

    def erect(self, foot: Line, low: float, high: float, number: int) -> None:
        """Paint the upright rectangle between two heights above a line on the ground."""
        x0, z0, x1, z1 = foot
        self.fill(self.project([(x0, low, z0), (x0, high, z0), (x1, high, z1), (x1, low, z1)]), number)

    def strip(self, x0: float, x1: float, number: int, *, z0: float = 0.0, z1: float = FAR) -> None:
        """Paint a band of the ground between two distances from the street's axis, along its bend."""
        z0 = max(z0, self.camera.near)
        if z1 <= z0:
            return
        depths = [z0, *(z for z in (m * self.camera.near for m in _DEPTHS) if z0 < z < z1), z1]
        self.fill(self.project([(x0, 0.0, z) for z in depths] + [(x1, 0.0, z) for z in reversed(depths)]), number)

    def shade(self, corners: Sequence[tuple[float, float]]) -> None:
        """Darken a polygon (x, z) of the ground; parts that are too near for the camera are moved forward."""
        near = self.camera.near
        if corners[0][1] > _SHADOWS_END:
            return
        points = [(x, 0.0, max(z, near)) for x, z in corners]
        self._shadow_pen.polygon(self.project(points), fill=255)

    def table(self) -> NDArray[np.float32]:
        """The faces' rows as columns, (len(Face._fields), faces)."""
        return np.array(self._faces, dtype=np.float32).reshape(-1, len(Face._fields)).T.copy()
