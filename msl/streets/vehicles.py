"""Cars, trucks, buses and trams: profiles as wide as a vehicle, with windows, wheels and lamps painted on them."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from msl.streets.brush import Brush
from msl.streets.shapes import SHAPES, Hull, Shape

_MATERIALS = {
    "accent": "accent",
    "cab": "truck",
    "display": "yellow marking",
    "trim": "livery",
}  # their palette entries
_ROUND = tuple((math.cos(k * math.pi / 6), math.sin(k * math.pi / 6)) for k in range(12))
_TINY = 10.0  # px: a vehicle lower than this is drawn without windows and lamps
_SMALL = 26.0  # px: a vehicle lower than this is drawn without the materials in `_HIDDEN`
_HIDDEN = frozenset({"hub", "plate", "dark", "display"})
_HUB = 0.55  # radius of a hub, share of the wheel's
_ARCH = 1.22  # radius of a wheel's arch, likewise

Solid = tuple[float, float, float]  # m: ahead, to the right, up


@dataclass(frozen=True)
class Mesh:
    """A shape's polygons in metres about the vehicle's centre on the ground: ahead, to its right, up."""

    points: NDArray[np.float64]  # (points, 3)
    polygons: tuple[tuple[int, int, str], ...]  # first and last point, material
    panels: tuple[tuple[int, int], ...]  # first and last polygon: the panel and the polygons painted on it
    normals: tuple[Solid, ...]  # of the panels: unit, outward
    centres: tuple[Solid, ...]  # of the panels


Painted = list[tuple[list[Solid], str]]  # polygons and materials: a panel, then the polygons painted on it


def _edges(hull: Hull, size: tuple[float, float, float]) -> Iterator[tuple[Painted, Solid]]:
    """The panels across a hull, with their outward normals."""
    length, _, height = size
    last = len(hull.panels) - 1
    for i, material in enumerate(hull.panels):
        (a0, h0), (a1, h1) = hull.profile[i], hull.profile[i + 1]
        corners = [
            (length * (a - 0.5), side * _half_width(hull, size, h), height * h)
            for a, h, side in ((a0, h0, -1), (a0, h0, 1), (a1, h1, 1), (a1, h1, -1))
        ]
        painted: Painted = [(corners, material)]
        decals, at = (hull.rear, a0) if i == 0 else (hull.front, a1) if i == last else ((), 0.0)
        painted += [
            ([(length * (at - 0.5), b * _half_width(hull, size, h), height * h) for b, h in outline], paint)
            for outline, paint in decals
        ]
        rise, run = height * (h1 - h0), length * (a1 - a0)
        norm = math.hypot(rise, run)
        yield painted, (-rise / norm, 0.0, run / norm)


def _sides(shape: Shape, hull: Hull, wheels: tuple[float, ...]) -> Iterator[tuple[Painted, Solid]]:
    """The two sides of a hull, with their outward normals."""
    length, _, height = shape.size
    for side in (-1.0, 1.0):

        def solid(a: float, h: float, side: float = side) -> Solid:
            return length * (a - 0.5), side * _half_width(hull, shape.size, h), height * h

        painted: Painted = [([solid(*point) for point in hull.profile], hull.side_material)]
        painted += [([solid(*point) for point in outline], paint) for outline, paint in hull.side]
        for at in wheels:
            for radius, paint in ((_ARCH, "dark"), (1.0, "tyre"), (_HUB, "hub")):
                ring = _ROUND[:7] if paint == "dark" else _ROUND
                circle = [
                    solid(at + radius * shape.radius * c / length, (1 + radius * s) * shape.radius / height)
                    for c, s in ring
                ]
                painted.append((circle, paint))
        yield painted, (0.0, side, 0.0)


def _half_width(hull: Hull, size: tuple[float, float, float], h: float) -> float:
    lean = max(0.0, h - hull.shoulder) / (1 - hull.shoulder) if hull.shoulder < 1 else 0.0
    return size[1] / 2 * (1 - (1 - hull.taper) * lean)


@cache
def mesh(name: str) -> Mesh:
    """The polygons of a shape."""
    shape = SHAPES[name]
    points: list[Solid] = []
    polygons: list[tuple[int, int, str]] = []
    panels: list[tuple[int, int]] = []
    normals: list[Solid] = []
    centres: list[Solid] = []
    for number, hull in enumerate(shape.hulls):
        wheels = shape.wheels if number == 0 else ()
        for painted, normal in (*_edges(hull, shape.size), *_sides(shape, hull, wheels)):
            panels.append((len(polygons), len(polygons) + len(painted)))
            normals.append(normal)
            corners = painted[0][0]
            centres.append(tuple(sum(axis) / len(corners) for axis in zip(*corners, strict=True)))
            for outline, material in painted:
                polygons.append((len(points), len(points) + len(outline), material))
                points += outline
    return Mesh(np.array(points), tuple(polygons), tuple(panels), tuple(normals), tuple(centres))


def draw_vehicle(brush: Brush, name: str, x: float, z: float, yaw: float) -> None:
    """Draw a vehicle with its centre at (x, z) and its front `yaw` radians to the right of the camera's direction."""
    shape, body = SHAPES[name], mesh(name)
    canvas, camera = brush.canvas, brush.canvas.camera
    brush.cast(*footprint(name, x, z, yaw), 0.9 * shape.size[2])
    sin, cos = math.sin(yaw), math.cos(yaw)
    world = body.points @ np.array([[sin, 0.0, cos], [cos, 0.0, -sin], [0.0, 1.0, 0.0]])
    depth = np.maximum(world[:, 2] + z, 1.0)
    pixels = np.empty((len(world), 2))
    pixels[:, 0] = camera.centre[0] + camera.focal * ((world[:, 0] + x) / depth + camera.bend * depth)
    pixels[:, 1] = camera.centre[1] + camera.focal * (camera.eye - world[:, 1]) / depth
    outline = pixels.reshape(-1).tolist()
    height = shape.size[2] * camera.focal / z
    hidden = _HIDDEN if height < _SMALL else frozenset()
    body_colour = brush.paint(shape.paint)
    colours = {**brush.shared, "body": body_colour, "roof": body_colour}
    numbers: dict[str, int] = {}  # faces by material; each panel has its own, the polygons painted on panels share them
    for far, lit, (first, last) in sorted(_visible_panels(brush, body, x, z, (sin, cos)), reverse=True):
        for polygon in range(first, first + 1 if height < _TINY else last):
            begin, end, material = body.polygons[polygon]
            if material in hidden:
                continue
            if material not in colours:
                colours[material] = brush.paint(_MATERIALS[material])
            if polygon == first or material not in numbers:
                numbers[material] = canvas.flat(shape.label, colours[material], far, lit=lit)
            canvas.fill(outline[2 * begin : 2 * end], numbers[material])


def _visible_panels(
    brush: Brush, body: Mesh, x: float, z: float, heading: tuple[float, float]
) -> Iterator[tuple[float, float, tuple[int, int]]]:
    """Depth, sunlight and polygons of the panels that face the camera."""
    camera, light = brush.canvas.camera, brush.light
    sin, cos = heading
    x += camera.bend * z * z
    for polygons, (along, across, up), (a, b, h) in zip(body.panels, body.normals, body.centres, strict=True):
        nx, nz = along * sin + across * cos, along * cos - across * sin
        cx, cz = x + a * sin + b * cos, z + a * cos - b * sin
        if nx * cx + up * (h - camera.eye) + nz * cz < 0:
            yield cz, light.on(nx, up, nz), polygons


def footprint(name: str, x: float, z: float, yaw: float) -> tuple[float, float, float, float]:
    """The rectangle x0, x1, z0, z1 in metres on which a vehicle stands."""
    length, width, _ = SHAPES[name].size
    half_x = (abs(math.sin(yaw)) * length + abs(math.cos(yaw)) * width) / 2
    half_z = (abs(math.cos(yaw)) * length + abs(math.sin(yaw)) * width) / 2
    return x - half_x, x + half_x, z - half_z, z + half_z
