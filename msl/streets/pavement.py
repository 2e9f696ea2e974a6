"""The things on the pavements: trees along the kerb, furniture, persons and parked cycles."""

from collections.abc import Iterator

from msl.streets.brush import Brush
from msl.streets.cycles import draw_bicycle, draw_motorcycle
from msl.streets.furniture import draw_lamp_post, draw_pole, draw_sign, draw_static, draw_traffic_light
from msl.streets.people import draw_person
from msl.streets.plan import CROSSING, Setting, Street
from msl.streets.plants import draw_tree
from msl.streets.things import BARE, PLANTS_END, Thing, depth_ahead, rate, thing_at


def street_trees(brush: Brush, setting: Setting, street: Street) -> Iterator[Thing]:
    """Trees in a row along the kerb."""
    for side in (-1, 1):
        if not brush.chance(setting.trees * rate(brush, "tree")):
            continue
        bare = brush.chance(BARE * rate(brush, "bare"))
        step = brush.between(10.0, 18.0)
        z = brush.between(9.0, 22.0)
        while z < PLANTS_END:
            if not street.crosses(z, z):
                x = side * (street.kerb[side] + max(0.7, street.verge[side] / 2))
                yield thing_at(x + brush.between(-0.2, 0.2), z, draw_tree, bare=bare)
            z += step * brush.between(0.8, 1.3)


def street_furniture(brush: Brush, street: Street) -> Iterator[Thing]:
    """Lamp posts, signs, traffic lights, poles and things without a class."""
    for side in (-1, 1):
        x = side * (street.kerb[side] + 0.5)
        if brush.chance(0.5):
            step, z = brush.between(14.0, 20.0), depth_ahead(brush, x, 1.8)
            for k in range(2):
                yield thing_at(x, z + k * step, draw_lamp_post)
        for _ in range(int(brush.between(0.2, 2.4))):
            aside = x + side * brush.between(-0.1, 0.5)
            yield thing_at(aside, depth_ahead(brush, aside), draw_sign)
        if brush.chance(0.3):
            yield thing_at(x, depth_ahead(brush, x), draw_pole)
        if brush.chance(0.4):
            back = side * (street.walk[side] - 0.4)
            yield thing_at(back, depth_ahead(brush, back), draw_static)
        stop = street.junction if street.junction is not None else street.zebra
        if stop is not None and brush.chance(0.85):
            yield thing_at(x, stop - 1.5, draw_traffic_light)
            if street.junction is not None and brush.chance(0.5):
                yield thing_at(x, stop + CROSSING + 1.5, draw_traffic_light)


def people_and_cycles(brush: Brush, setting: Setting, street: Street) -> Iterator[Thing]:
    """Persons on the pavements and on the crossing, and bicycles that lean somewhere."""
    for _ in range(int(brush.between(0.0, 2.0) * setting.people * rate(brush, "person") + 0.5)):
        side = brush.pick((-1, 1))
        x = side * brush.between(street.kerb[side] + 0.4, street.walk[side] - 0.3)
        z = depth_ahead(brush, x)
        for k in range(brush.pick((1, 1, 1, 2))):
            yield thing_at(x + 0.6 * k, z + 0.1 * k, draw_person)
    if street.zebra is not None:
        for _ in range(int(brush.between(0.0, 4.0))):
            yield thing_at(
                brush.between(-street.kerb[-1], street.kerb[1]), street.zebra + brush.between(0.5, 2.5), draw_person
            )
    if brush.chance(0.42 * rate(brush, "bicycle")):
        side = brush.pick((-1, 1))
        x = side * (street.walk[side] - 0.6)
        z = depth_ahead(brush, x, 1.5)
        for k in range(brush.pick((1, 2, 3, 5))):
            yield thing_at(x + brush.between(-0.2, 0.2), z + 1.1 * k, draw_bicycle, ridden=False)
    if brush.chance(0.38):
        side = brush.pick((-1, 1))
        x = side * (street.kerb[side] + 0.8)
        yield thing_at(x, depth_ahead(brush, x, 1.6), draw_motorcycle, ridden=False)
