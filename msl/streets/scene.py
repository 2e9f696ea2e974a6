"""A scene: a street with all its things, painted from the farthest to the nearest."""

from msl.streets.brush import Brush, tone
from msl.streets.buildings import draw_backdrop
from msl.streets.canvas import LABELS, Face
from msl.streets.ground import draw_ground
from msl.streets.pavement import people_and_cycles, street_furniture, street_trees
from msl.streets.plan import choose_setting, plan_street
from msl.streets.plots import things_on_plots
from msl.streets.things import in_view, rate
from msl.streets.traffic import crossing_traffic, lane_traffic, parked_cars

_BACKDROP = 75.0  # m, depth of the row of buildings and woods at the street's end


def draw_scene(brush: Brush) -> None:
    """Draw a street and everything that stands on it."""
    setting = choose_setting(brush)
    street = plan_street(brush, setting)
    draw_ground(brush, street)
    draw_backdrop(brush, z=_BACKDROP, built=0.35 if street.green else 0.8)
    things = [
        *things_on_plots(brush, setting, street),
        *street_trees(brush, setting, street),
        *street_furniture(brush, street),
        *people_and_cycles(brush, setting, street),
        *parked_cars(brush, street),
        *lane_traffic(brush, setting, street),
        *crossing_traffic(brush, street),
    ]
    visible = [thing for thing in things if thing.x is None or in_view(brush, thing.x, thing.depth)]
    for thing in brush.each(sorted(visible, key=lambda thing: -thing.depth)):
        thing.draw(brush)
    if brush.chance(0.14 * rate(brush, "hood")):
        _draw_hood(brush)


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
