"""The ground of a street: road, markings, kerbs, pavements and grass."""

import itertools
import math

from msl.streets.brush import Brush, tone
from msl.streets.canvas import Colour
from msl.streets.finishes import ROWS
from msl.streets.plan import CORNER, CROSSING, LANE, PARKING, Street

_ASIDE = 70.0  # m, how far to the sides ground is drawn
_END = 80.0  # m, depth beyond which markings and kerbs are too fine to be visible
_KERB = 0.28  # m
_LINE = 0.16  # m, width of a painted line
_ARROW = ((-0.1, 0.0), (-0.1, 2.4), (-0.45, 2.4), (0.0, 4.4), (0.45, 2.4), (0.1, 2.4), (0.1, 0.0))  # m
_DASH, _DASHES = 3.0, 9.0  # m, length of a dash and from one to the next


def draw_ground(brush: Brush, street: Street) -> None:
    """Draw everything that lies flat, from the horizon to the camera's foot."""
    canvas = brush.canvas
    grass = brush.paint("grass")
    paving, kerb = brush.paint("paving"), brush.paint("kerb")
    outer = ("terrain", grass, ROWS["grass"]) if street.green else ("sidewalk", brush.paint("paving"), ROWS["paving"])
    walk = canvas.ground("sidewalk", paving, ROWS["paving"])
    stone = canvas.ground("sidewalk", kerb, ROWS["stone"])
    lawn = canvas.ground("terrain", grass, ROWS["grass"])
    asphalt = brush.paint("asphalt")
    road = canvas.ground("road", asphalt, ROWS["asphalt"])
    canvas.strip(-_ASIDE * 3, _ASIDE * 3, canvas.ground(*outer))
    for side in (-1, 1):
        edge, outside = side * street.kerb[side], side * street.walk[side]
        canvas.strip(edge, outside, walk)
        if street.verge[side] > 0:
            canvas.strip(edge, edge + side * street.verge[side], lawn)
        if street.green and street.front[side] > street.walk[side] + 0.3:
            canvas.strip(outside, side * street.front[side], lawn)
    canvas.strip(-street.kerb[-1], street.kerb[1], road)
    if street.junction is not None:
        _draw_junction(brush, street, road, walk)
    _draw_wear(brush, street, asphalt)
    _draw_kerbs(brush, street, stone, asphalt)
    _draw_markings(brush, street)


def _draw_kerbs(brush: Brush, street: Street, stone: int, asphalt: Colour) -> None:
    canvas = brush.canvas
    gutter = canvas.ground("road", tone(asphalt, 0.7), ROWS["asphalt"])
    runs = [(0.0, _END)]
    if street.junction is not None:
        runs = [(0.0, street.junction), (street.junction + CROSSING, _END)]
    for side in (-1, 1):
        edge = side * street.kerb[side]
        for z0, z1 in runs:
            canvas.strip(edge, edge + side * _KERB, stone, z0=z0, z1=z1)
            canvas.strip(edge, edge - side * 0.07, gutter, z0=z0, z1=z1)


def _draw_junction(brush: Brush, street: Street, road: int, walk: int) -> None:
    """A street that crosses, with its pavements."""
    assert street.junction is not None
    canvas, z0 = brush.canvas, street.junction
    z1 = z0 + CROSSING
    for side in (-1, 1):
        for near, far in ((z0 - CORNER, z0), (z1, z1 + CORNER)):
            canvas.strip(side * street.kerb[side], side * _ASIDE, walk, z0=near, z1=far)
    canvas.strip(-_ASIDE, _ASIDE, road, z0=z0, z1=z1)


def _draw_wear(brush: Brush, street: Street, asphalt: Colour) -> None:
    """Patches of newer asphalt, manholes and tram rails."""
    canvas = brush.canvas
    left, right = -street.kerb[-1] + 0.5, street.kerb[1] - 1.5
    for _ in range(3):
        patch = canvas.ground("road", tone(asphalt, brush.between(0.8, 1.12)), ROWS["asphalt"])
        x, z = brush.between(left, right), brush.between(5.0, 40.0)
        canvas.strip(x, x + brush.between(0.8, 2.2), patch, z0=z, z1=z + brush.between(2.0, 14.0))
    lid = canvas.ground("road", tone(asphalt, 0.72), ROWS["asphalt"])
    for _ in range(2):
        x, z = brush.between(left, right), brush.between(6.0, 25.0)
        circle = [(x + 0.3 * math.cos(a), 0.0, z + 0.3 * math.sin(a)) for a in (k * math.pi / 5 for k in range(10))]
        canvas.fill(canvas.project(circle), lid)
    if street.rails is not None:
        steel = canvas.ground("road", brush.shared["dark"], ROWS["plain"])
        for x in (street.rails - 0.72, street.rails + 0.72):
            canvas.strip(x - 0.07, x + 0.07, steel, z1=_END)


def _draw_markings(brush: Brush, street: Street) -> None:
    canvas = brush.canvas
    white = canvas.ground("road", brush.paint("marking"), ROWS["asphalt"])
    middle = canvas.ground("road", brush.paint("yellow marking" if brush.chance(0.35) else "marking"), ROWS["asphalt"])
    solid = brush.chance(0.35)
    lanes = sorted(street.lanes)
    for (x0, way0), (x1, way1) in itertools.pairwise(lanes):
        x = (x0 + x1) / 2
        if way0 != way1 and solid:
            canvas.strip(x - 0.2, x - 0.06, middle, z1=_END)
            canvas.strip(x + 0.06, x + 0.2, middle, z1=_END)
        else:
            _draw_dashes(brush, x, middle if way0 != way1 else white)
    for side in (-1, 1):
        if street.parking[side] or brush.chance(0.4):
            edge = side * (street.kerb[side] - (PARKING if street.parking[side] else 0.35))
            canvas.strip(edge, edge - side * 0.12, white, z1=_END)
    if street.zebra is not None:
        _draw_zebra(brush, street, street.zebra, white)
    elif brush.chance(0.25):
        z = brush.between(7.0, 15.0)
        canvas.fill(canvas.project([(x, 0.0, z + ahead) for x, ahead in _ARROW]), white)


def _draw_dashes(brush: Brush, x: float, number: int) -> None:
    z = brush.between(0.0, _DASHES)
    while z < _END:
        brush.canvas.strip(x - _LINE / 2, x + _LINE / 2, number, z0=z, z1=z + _DASH)
        z += _DASHES


def _draw_zebra(brush: Brush, street: Street, z: float, number: int) -> None:
    x = -street.kerb[-1] + 0.4
    while x < street.kerb[1] - 0.6:
        brush.canvas.strip(x, x + 0.5, number, z0=z, z1=z + 3.0)
        x += 1.0
    brush.canvas.strip(-LANE / 2 + 0.2, street.kerb[1] - 0.3, number, z0=z - 1.4, z1=z - 1.0)
