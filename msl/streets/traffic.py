"""The vehicles on a street: parked, in its lanes, and on a street that crosses it."""

import math
from collections.abc import Iterator
from functools import partial

from msl.streets.brush import Brush
from msl.streets.cycles import draw_bicycle, draw_motorcycle
from msl.streets.plan import CROSSING, PARKING, Setting, Street
from msl.streets.shapes import CARS, SHAPES
from msl.streets.things import Thing, depth_ahead, rate, thing_at
from msl.streets.vehicles import draw_vehicle, footprint

_END = 38.0  # m, depth where vehicles end
_HEADWAY = 8.5  # m, to the vehicle in front

# The kinds of traffic in a lane and their weights; bicycles and motorcycles carry their riders.
_TRAFFIC = {"car": 0.60, "truck": 0.10, "bus": 0.09, "motorcycle": 0.12, "bicycle": 0.09}
_TRUCKS = ("truck", "truck", "tipper")
_TWO_WHEELS = {"bicycle": draw_bicycle, "motorcycle": draw_motorcycle}
_LENGTH = {"car": 4.7, "truck": 8.2, "bus": 11.7, "motorcycle": 2.2, "bicycle": 2.0, "tram": 27.2}  # m


def parked_cars(brush: Brush, street: Street) -> Iterator[Thing]:
    """Rows of parked cars."""
    for side in (-1, 1):
        if not street.parking[side]:
            continue
        x = side * (street.kerb[side] - PARKING / 2)
        full = min(0.95, brush.between(0.3, 0.8) * rate(brush, "parked"))
        z = brush.between(5.0, 11.0)
        while z < _END:
            name = brush.pick(_TRUCKS) if brush.chance(0.05) else brush.pick(CARS)
            length = SHAPES[name].size[0]
            if brush.chance(full) and not street.crosses(z, z + length):
                yaw = brush.between(-0.05, 0.05) + (math.pi if brush.chance(0.5 if side < 0 else 0.1) else 0.0)
                yield _vehicle(name, x + brush.between(-0.1, 0.1), z, yaw)
            z += length + brush.between(0.7, 2.0)


def lane_traffic(brush: Brush, setting: Setting, street: Street) -> Iterator[Thing]:
    """Vehicles in the lanes, and cyclists along the kerb."""
    for x, way in street.lanes:
        yaw = 0.0 if way > 0 else math.pi
        z = max(_HEADWAY if abs(x) < 1.0 else 0.0, depth_ahead(brush, x, 4.5))
        if x == street.rails and brush.chance(0.9):
            yield _vehicle("tram", x, z + 4.0, yaw)
            z += _LENGTH["tram"] + 10.0
        gap = 45.0 / (setting.traffic * rate(brush, "traffic"))
        while z < _END:
            kind = brush.weigh(list(_TRAFFIC), _TRAFFIC.values())
            aside, turn = brush.between(-0.2, 0.2), brush.between(-0.04, 0.04)
            yield _drive(brush, kind, x + aside * (4 if kind in _TWO_WHEELS else 1), z, yaw + turn)
            z += _LENGTH[kind] + 3.0 + gap * brush.between(0.2, 1.8)
    if brush.chance(0.4 * rate(brush, "bicycle")):
        side = brush.pick((-1, 1))
        x = side * (street.kerb[side] - 0.7 - PARKING * street.parking[side])
        yield thing_at(x, depth_ahead(brush, x), draw_bicycle, ridden=True, broadside=0.3)


def crossing_traffic(brush: Brush, street: Street) -> Iterator[Thing]:
    """Vehicles on the street that crosses, seen from the side."""
    if street.junction is None:
        return
    for lane, yaw in ((CROSSING * 0.25, math.pi / 2), (CROSSING * 0.75, -math.pi / 2)):
        x = brush.between(-22.0, 0.0)
        while x < 22.0:
            if brush.chance(0.45):
                kind = "tram" if brush.chance(0.10) else brush.weigh(list(_TRAFFIC), _TRAFFIC.values())
                yield _drive(brush, kind, x, street.junction + lane - 1.0, yaw)
                x += _LENGTH[kind] / 2
            x += brush.between(6.0, 14.0)


def _drive(brush: Brush, kind: str, x: float, z: float, yaw: float) -> Thing:
    """A vehicle, or a rider on two wheels, at a point of the road."""
    if kind in _TWO_WHEELS:
        return thing_at(x, z + 0.9, _TWO_WHEELS[kind], ridden=True, broadside=abs(math.sin(yaw)) * 0.8 + 0.2)
    name = {"car": brush.pick(CARS), "truck": brush.pick(_TRUCKS)}.get(kind, kind)
    return _vehicle(name, x, z, yaw)


def _vehicle(name: str, x: float, z: float, yaw: float) -> Thing:
    """A vehicle whose nearest point lies at depth z."""
    _, _, z0, z1 = footprint(name, x, 0.0, yaw)
    return Thing(z, partial(draw_vehicle, name=name, x=x, z=z + (z1 - z0) / 2, yaw=yaw), x)
