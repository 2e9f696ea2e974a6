"""What stands where: the things on and along a street, painted from the farthest to the nearest."""

import math
from collections.abc import Callable, Iterator
from functools import partial
from typing import NamedTuple

from msl.streets.brush import Brush, tone
from msl.streets.buildings import Plot, draw_backdrop, draw_building, draw_fence, draw_wall
from msl.streets.canvas import LABELS, Face
from msl.streets.cycles import draw_bicycle, draw_motorcycle
from msl.streets.furniture import draw_lamp_post, draw_pole, draw_sign, draw_static, draw_traffic_light
from msl.streets.ground import draw_ground
from msl.streets.people import draw_person
from msl.streets.plan import CORNER, CROSSING, PARKING, Setting, Street, choose_setting, plan_street
from msl.streets.plants import draw_bush, draw_hedge, draw_tree
from msl.streets.shapes import CARS, SHAPES
from msl.streets.vehicles import draw_vehicle, footprint

_END = 65.0  # m, where plots end
_TRAFFIC_END = 38.0  # m, where vehicles end
_PLANTS_END = 45.0  # m, where trees and bushes end
_BACKDROP = 75.0  # m
_BARE = 0.12  # share of trees without leaves
_WITHIN = 0.93  # share of the half image in which things are placed that ought to be seen
_HEADWAY = 8.5  # m, to the vehicle in front
_REACH = 4.0  # m, from a thing's foot to its farthest leaf or lamp

# What drives in a lane and its weight; bicycles and motorcycles carry their riders.
_TRAFFIC = {"car": 0.60, "truck": 0.10, "bus": 0.09, "motorcycle": 0.12, "bicycle": 0.09}
_TRUCKS = ("truck", "truck", "tipper")
_TWO_WHEELS = {"bicycle": draw_bicycle, "motorcycle": draw_motorcycle}
_LENGTH = {"car": 4.7, "truck": 8.2, "bus": 11.7, "motorcycle": 2.2, "bicycle": 2.0, "tram": 27.2}  # m


class Thing(NamedTuple):
    """Something to draw, and the depth in m of its nearest point, by which it is sorted."""

    depth: float
    draw: Callable[[Brush], None]
    x: float | None = None  # m, where it stands; None: it lines the street and draws what lies ahead of it


def _at(x: float, z: float, draw: Callable[..., None], **how: object) -> Thing:
    """A thing that stands at a point of the ground."""
    return Thing(z, partial(draw, x=x, z=z, **how), x)


def _vehicle(name: str, x: float, z: float, yaw: float) -> Thing:
    """A vehicle whose nearest point lies at depth z."""
    _, _, z0, z1 = footprint(name, x, 0.0, yaw)
    return Thing(z, partial(draw_vehicle, name=name, x=x, z=z + (z1 - z0) / 2, yaw=yaw), x)


def draw_scene(brush: Brush) -> None:
    """Draw a street with all that stands on it."""
    setting = choose_setting(brush)
    street = plan_street(brush, setting)
    draw_ground(brush, street)
    draw_backdrop(brush, z=_BACKDROP, built=0.35 if street.green else 0.8)
    things = [
        *_plots(brush, setting, street),
        *_trees(brush, setting, street),
        *_furniture(brush, street),
        *_people(brush, setting, street),
        *_parked(brush, street),
        *_traffic(brush, setting, street),
        *_crossing(brush, street),
    ]
    seen = [thing for thing in things if thing.x is None or _in_view(brush, thing.x, thing.depth)]
    for thing in brush.each(sorted(seen, key=lambda thing: -thing.depth)):
        thing.draw(brush)
    if brush.chance(0.14 * _rate(brush, "hood")):
        _draw_hood(brush)


def _in_view(brush: Brush, x: float, z: float) -> bool:
    """Whether a thing at a point of the ground may be seen, or its shadow."""
    camera = brush.canvas.camera
    if z <= camera.near:
        return False
    reach = _REACH * camera.focal / z
    return -reach < camera.u(x, z) < camera.width + reach


def _rate(brush: Brush, kind: str) -> float:
    """How much more of a kind of thing there is in this domain."""
    return brush.style.rates.get(kind, 1.0)


def _ahead(brush: Brush, x: float, reach: float = 2.2) -> float:
    """A depth in m for a thing at x: from where it enters the image to `reach` times that, more often near than far."""
    camera = brush.canvas.camera
    room = camera.width - camera.centre[0] if x > 0 else camera.centre[0]
    near = max(1.15 * camera.near, camera.focal * abs(x) / (_WITHIN * room))
    return near * (1 + (reach - 1) * math.pow(brush.between(0.0, 1.0), 1.4))


def _plots(brush: Brush, setting: Setting, street: Street) -> Iterator[Thing]:
    """Buildings, walls, fences, hedges and parks along both sides."""
    for side in (-1, 1):
        z = brush.between(-6.0, 4.0)
        while z < _END:
            kind = brush.weigh(list(setting.plots), setting.plots.values())
            z1 = z + brush.between(9.0, 20.0)
            corner = street.junction is not None and street.crosses(z, z1)
            if corner:
                z1 = (street.junction or 0.0) - CORNER
            if z1 - z > 4.0:
                plot = Plot(side=side, front=street.front[side], z0=z, z1=z1)
                if plot.seen(brush.canvas.camera) or brush.light.casts:
                    yield from _PLOTS[kind](brush, setting, plot)
            z = z1 + (CROSSING + 2 * CORNER if corner else 0.0)


def _block(brush: Brush, setting: Setting, plot: Plot) -> Iterator[Thing]:
    draw = partial(
        draw_building,
        plot=plot,
        height=brush.within(setting.height),
        deep=brush.between(9.0, 16.0),
        shop=brush.chance(setting.shops),
        pitched=brush.chance(0.4),
    )
    yield Thing(plot.z1, draw)


def _house(brush: Brush, setting: Setting, plot: Plot) -> Iterator[Thing]:
    """A house behind a garden, which a fence, a wall or a hedge closes off, or nothing."""
    inset, setback = brush.between(1.0, 3.0), brush.between(1.5, 5.0)
    house = Plot(side=plot.side, front=plot.front + setback, z0=plot.z0 + inset, z1=plot.z1 - inset)
    height, deep = brush.between(3.0, 6.5), brush.between(7.0, 10.0)
    yield Thing(plot.z1 + 0.2, partial(draw_building, plot=house, height=height, deep=deep, pitched=True))
    yield from _greenery(brush, plot, setback, trees=0.5)
    border = brush.pick((draw_fence, draw_wall, draw_hedge, None))
    if border is not None:
        yield Thing(plot.z1, partial(border, plot=plot))


def _greenery(brush: Brush, plot: Plot, deep: float, *, trees: float) -> Iterator[Thing]:
    """Bushes and trees on the ground behind a plot's front, about `deep` metres behind it."""
    for _ in range(2):
        yield from _plant(brush, plot, deep, draw_bush)
        if brush.chance(trees * _rate(brush, "tree")):
            bare = brush.chance(_BARE * _rate(brush, "bare"))
            yield from _plant(brush, plot, deep + 2.0, partial(draw_tree, bare=bare))


def _plant(brush: Brush, plot: Plot, deep: float, draw: Callable[..., None]) -> Iterator[Thing]:
    x = plot.side * (plot.front + brush.between(1.0, max(1.5, deep)))
    z = brush.between(plot.z0, plot.z1)
    if z < _PLANTS_END and _in_view(brush, x, z):
        # Behind the plot's border, which is sorted at the plot's far end, before what stands in front of it.
        yield Thing(plot.z1 + 0.002 * (z - plot.z0), partial(draw, x=x, z=z))


def _park(brush: Brush, setting: Setting, plot: Plot) -> Iterator[Thing]:
    yield from _greenery(brush, plot, 10.0, trees=0.8)


def _closed(border: Callable[..., None]) -> Callable[[Brush, Setting, Plot], Iterator[Thing]]:
    """Ground with trees behind a wall, a fence or a hedge."""

    def things(brush: Brush, setting: Setting, plot: Plot) -> Iterator[Thing]:
        yield from _greenery(brush, plot, 8.0, trees=0.6)
        yield Thing(plot.z1, partial(border, plot=plot))

    return things


_PLOTS: dict[str, Callable[[Brush, Setting, Plot], Iterator[Thing]]] = {
    "block": _block,
    "house": _house,
    "wall": _closed(draw_wall),
    "fence": _closed(draw_fence),
    "hedge": _closed(draw_hedge),
    "park": _park,
}


def _trees(brush: Brush, setting: Setting, street: Street) -> Iterator[Thing]:
    """Trees in a row along the kerb."""
    for side in (-1, 1):
        if not brush.chance(setting.trees * _rate(brush, "tree")):
            continue
        bare = brush.chance(_BARE * _rate(brush, "bare"))
        step = brush.between(10.0, 18.0)
        z = brush.between(9.0, 22.0)
        while z < _PLANTS_END:
            if not street.crosses(z, z):
                x = side * (street.kerb[side] + max(0.7, street.verge[side] / 2))
                yield _at(x + brush.between(-0.2, 0.2), z, draw_tree, bare=bare)
            z += step * brush.between(0.8, 1.3)


def _furniture(brush: Brush, street: Street) -> Iterator[Thing]:
    """Lamp posts, signs, traffic lights, poles and what has no class."""
    for side in (-1, 1):
        x = side * (street.kerb[side] + 0.5)
        if brush.chance(0.5):
            step, z = brush.between(14.0, 20.0), _ahead(brush, x, 1.8)
            for k in range(2):
                yield _at(x, z + k * step, draw_lamp_post)
        for _ in range(int(brush.between(0.2, 2.4))):
            aside = x + side * brush.between(-0.1, 0.5)
            yield _at(aside, _ahead(brush, aside), draw_sign)
        if brush.chance(0.3):
            yield _at(x, _ahead(brush, x), draw_pole)
        if brush.chance(0.4):
            back = side * (street.walk[side] - 0.4)
            yield _at(back, _ahead(brush, back), draw_static)
        stop = street.junction if street.junction is not None else street.zebra
        if stop is not None and brush.chance(0.85):
            yield _at(x, stop - 1.5, draw_traffic_light)
            if street.junction is not None and brush.chance(0.5):
                yield _at(x, stop + CROSSING + 1.5, draw_traffic_light)


def _people(brush: Brush, setting: Setting, street: Street) -> Iterator[Thing]:
    """Persons on the pavements and on the crossing, and bicycles that lean somewhere."""
    for _ in range(int(brush.between(0.0, 2.0) * setting.people * _rate(brush, "person") + 0.5)):
        side = brush.pick((-1, 1))
        x = side * brush.between(street.kerb[side] + 0.4, street.walk[side] - 0.3)
        z = _ahead(brush, x)
        for k in range(brush.pick((1, 1, 1, 2))):
            yield _at(x + 0.6 * k, z + 0.1 * k, draw_person)
    if street.zebra is not None:
        for _ in range(int(brush.between(0.0, 4.0))):
            yield _at(
                brush.between(-street.kerb[-1], street.kerb[1]), street.zebra + brush.between(0.5, 2.5), draw_person
            )
    if brush.chance(0.42 * _rate(brush, "bicycle")):
        side = brush.pick((-1, 1))
        x = side * (street.walk[side] - 0.6)
        z = _ahead(brush, x, 1.5)
        for k in range(brush.pick((1, 2, 3, 5))):
            yield _at(x + brush.between(-0.2, 0.2), z + 1.1 * k, draw_bicycle, ridden=False)
    if brush.chance(0.38):
        side = brush.pick((-1, 1))
        x = side * (street.kerb[side] + 0.8)
        yield _at(x, _ahead(brush, x, 1.6), draw_motorcycle, ridden=False)


def _parked(brush: Brush, street: Street) -> Iterator[Thing]:
    """Rows of parked cars."""
    for side in (-1, 1):
        if not street.parking[side]:
            continue
        x = side * (street.kerb[side] - PARKING / 2)
        full = min(0.95, brush.between(0.3, 0.8) * _rate(brush, "parked"))
        z = brush.between(5.0, 11.0)
        while z < _TRAFFIC_END:
            name = brush.pick(_TRUCKS) if brush.chance(0.05) else brush.pick(CARS)
            length = SHAPES[name].size[0]
            if brush.chance(full) and not street.crosses(z, z + length):
                yaw = brush.between(-0.05, 0.05) + (math.pi if brush.chance(0.5 if side < 0 else 0.1) else 0.0)
                yield _vehicle(name, x + brush.between(-0.1, 0.1), z, yaw)
            z += length + brush.between(0.7, 2.0)


def _traffic(brush: Brush, setting: Setting, street: Street) -> Iterator[Thing]:
    """Vehicles in the lanes, and cyclists along the kerb."""
    for x, way in street.lanes:
        yaw = 0.0 if way > 0 else math.pi
        z = max(_HEADWAY if abs(x) < 1.0 else 0.0, _ahead(brush, x, 4.5))
        if x == street.rails and brush.chance(0.9):
            yield _vehicle("tram", x, z + 4.0, yaw)
            z += _LENGTH["tram"] + 10.0
        gap = 45.0 / (setting.traffic * _rate(brush, "traffic"))
        while z < _TRAFFIC_END:
            kind = brush.weigh(list(_TRAFFIC), _TRAFFIC.values())
            aside, turn = brush.between(-0.2, 0.2), brush.between(-0.04, 0.04)
            yield _drive(brush, kind, x + aside * (4 if kind in _TWO_WHEELS else 1), z, yaw + turn)
            z += _LENGTH[kind] + 3.0 + gap * brush.between(0.2, 1.8)
    if brush.chance(0.4 * _rate(brush, "bicycle")):
        side = brush.pick((-1, 1))
        x = side * (street.kerb[side] - 0.7 - PARKING * street.parking[side])
        yield _at(x, _ahead(brush, x), draw_bicycle, ridden=True, broadside=0.3)


def _drive(brush: Brush, kind: str, x: float, z: float, yaw: float) -> Thing:
    """A vehicle, or a rider on two wheels, at a point of the road."""
    if kind in _TWO_WHEELS:
        return _at(x, z + 0.9, _TWO_WHEELS[kind], ridden=True, broadside=abs(math.sin(yaw)) * 0.8 + 0.2)
    name = {"car": brush.pick(CARS), "truck": brush.pick(_TRUCKS)}.get(kind, kind)
    return _vehicle(name, x, z, yaw)


def _crossing(brush: Brush, street: Street) -> Iterator[Thing]:
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


def _draw_hood(brush: Brush) -> None:
    """The hood of the car that carries the camera."""
    canvas = brush.canvas
    width, height = canvas.camera.width, canvas.camera.height
    depth, drop = brush.between(0.05, 0.11) * height, brush.between(0.3, 0.8)
    paint = brush.paint("hood")
    rim = [(width * k / 16, height - depth * (1 - drop * (k / 8 - 1) ** 2)) for k in range(17)]
    for lift, shade in ((0.0, 1.25), (0.06 * depth, 1.0)):
        number = canvas.add(Face(LABELS["ego vehicle"], *tone(paint, shade), 0.8, 0, 0, 0.5, 1, 0, 0, 1, 0, -1))
        canvas.fill(
            [px for u, v in rim for px in (u, v + lift)] + [float(width), height + 1.0, 0.0, height + 1.0], number
        )
