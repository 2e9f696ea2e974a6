"""Bicycles and motorcycles, with and without riders, from the side or nearly from behind."""

import math
from collections.abc import Sequence

from msl.streets.brush import Brush, Stand, tone
from msl.streets.people import Saddle, View, draw_rider

Point = tuple[float, float, float]  # ahead in m, to the side (shares of half the width), up in m

_ROUND = tuple((math.cos(k * math.pi / 7), math.sin(k * math.pi / 7)) for k in range(14))
_EDGE_ON = 0.45  # visible width of a wheel, as a share of its height, below which only the tyre is visible

_REAR, _FRONT, _CRANK = (-0.52, 0.0, 0.35), (0.52, 0.0, 0.35), (-0.08, 0.0, 0.30)
_SEAT, _HEAD, _BAR = (-0.22, 0.0, 0.85), (0.36, 0.0, 0.82), (0.42, 0.0, 1.02)
_TUBES: tuple[tuple[Point, Point], ...] = (
    (_REAR, _CRANK),
    (_CRANK, _SEAT),
    (_CRANK, _HEAD),
    (_SEAT, _HEAD),
    (_REAR, _SEAT),
    (_HEAD, _FRONT),
    (_HEAD, _BAR),
    ((0.42, -0.6, 1.02), (0.42, 0.6, 1.02)),
)
_BICYCLE_WIDTH = 0.9  # m; the bar is 0.6 of it wide

# A motorcycle's parts from the back to the front of the picture: material, finish, outline.
_BODYWORK: tuple[tuple[str, float, tuple[Point, ...]], ...] = (
    ("dark", 1.0, ((-0.40, -1, 0.25), (0.35, 1, 0.25), (0.42, 1, 0.60), (-0.35, -1, 0.60))),  # engine
    ("hub", 1.0, ((-0.45, -0.5, 0.27), (-0.92, -0.5, 0.33), (-0.92, 0.5, 0.40), (-0.45, 0.5, 0.36))),  # exhaust
    ("hub", 1.0, ((0.66, -0.3, 0.33), (0.74, 0.3, 0.33), (0.46, 0.3, 0.98), (0.38, -0.3, 0.98))),  # fork
    (
        "body",
        1.0,
        (
            (-0.92, 0, 0.74),
            (-0.25, 1, 0.62),
            (0.20, 1, 0.58),
            (0.50, 0, 0.80),
            (0.40, 0, 1.00),
            (0.05, -1, 0.98),
            (-0.25, -1, 0.80),
            (-0.95, 0, 0.86),
        ),
    ),
    ("dark", 1.0, ((-0.75, 0, 0.84), (-0.10, 0.5, 0.80), (-0.10, -0.5, 0.90), (-0.75, 0, 0.94))),  # seat
    ("body", 1.25, ((0.38, -0.5, 0.70), (0.66, 0.5, 0.86), (0.50, 0.5, 1.20), (0.40, -0.5, 1.12))),  # fairing
    ("dark", 1.0, ((0.30, -2, 1.07), (0.40, 2, 1.07), (0.40, 2, 1.13), (0.30, -2, 1.13))),  # bar
)
_MOTORCYCLE_WIDTH = 0.3  # m, of its body


def _project(view: View, width: float, points: Sequence[Point]) -> list[tuple[float, float]]:
    """Points of a machine of this width as the camera sees them: metres to the right and up."""
    half = width / 2 * view.across
    return [(view.along * ahead + half * aside, up) for ahead, aside, up in points]


def _turn(brush: Brush, broadside: float) -> View:
    """How a machine is turned: a share `broadside` is seen from the side, the rest nearly from behind."""
    along = brush.between(0.68, 1.0) if brush.chance(broadside) else brush.between(0.15, 0.42)
    return View(along * brush.pick((-1.0, 1.0)), 1 - along)


def draw_bicycle(brush: Brush, x: float, z: float, *, ridden: bool, broadside: float = 0.6) -> None:
    """Draw a bicycle, a share `broadside` of the calls from the side, the rest nearly from behind."""
    stand, view = brush.stand(x, z), _turn(brush, broadside)
    brush.cast(x - 0.8 * abs(view.along), x + 0.8 * abs(view.along), z - 0.1, z + 0.1, 1.5 if ridden else 0.8)
    tyre = brush.shared["tyre"]
    for ahead in (-0.52, 0.52):
        _draw_open_wheel(stand, ahead * view.along, max(abs(view.along), 0.16), tyre)
    tube = stand.face("bicycle", brush.paint("frame tube"))
    for joints in _TUBES:
        start, end = _project(view, _BICYCLE_WIDTH, joints)
        stand.limb(start, end, tube, width=0.06)
    start, end = _project(view, 0.0, ((-0.34, 0, 0.92), (-0.12, 0, 0.93)))
    stand.limb(start, end, stand.face("bicycle", tyre), width=0.09)
    if ridden:
        seat, bar, *pedals = _project(view, 0.0, ((-0.2, 0, 0.95), (0.42, 0, 1.02), (-0.02, 0, 0.14), (-0.14, 0, 0.46)))
        draw_rider(brush, stand, view, Saddle(seat, bar, (pedals[0], pedals[1])), helmet=False)


def _draw_open_wheel(stand: Stand, x: float, squeeze: float, tyre: tuple[float, float, float]) -> None:
    """A bicycle's wheel, seen at an angle: a rim, with the street visible between its spokes."""
    radius = 0.35
    ring = [(x + radius * squeeze * c, radius + radius * s) for c, s in _ROUND]
    if squeeze > _EDGE_ON:
        stand.veil(ring, stand.face("bicycle", tone(tyre, 2.2), "spokes"))
        stand.line([*ring, ring[0]], stand.face("bicycle", tyre), width=0.055)
    else:
        stand.polygon(ring, stand.face("bicycle", tyre))


def draw_motorcycle(brush: Brush, x: float, z: float, *, ridden: bool, broadside: float = 0.6) -> None:
    """Draw a motorcycle, a share `broadside` of the calls from the side, the rest nearly from behind."""
    stand, view = brush.stand(x, z), _turn(brush, broadside)
    brush.cast(x - abs(view.along), x + abs(view.along), z - 0.2, z + 0.2, 1.5 if ridden else 0.9)
    colours = {"body": brush.paint("motor"), "dark": brush.shared["dark"], "hub": brush.shared["hub"]}
    tyre, hub = stand.face("motorcycle", brush.shared["tyre"]), stand.face("motorcycle", colours["hub"])
    for ahead in (-0.68, 0.70):
        for radius, squeeze, number in ((0.33, max(abs(view.along), 0.3), tyre), (0.18, abs(view.along), hub)):
            middle = ahead * view.along
            stand.polygon([(middle + radius * squeeze * c, 0.33 + radius * s) for c, s in _ROUND], number)
    for material, shade, outline in _BODYWORK:
        number = stand.face("motorcycle", tone(colours[material], shade), "paint")
        stand.polygon(_project(view, _MOTORCYCLE_WIDTH, outline), number)
    lamp = stand.face("motorcycle", brush.shared[brush.pick(("head light", "tail light"))])
    stand.ellipse(0.62 * view.along, 0.88, 0.14, 0.16, lamp)
    if ridden:
        seat, bar, *pedals = _project(view, 0.0, ((-0.28, 0, 0.86), (0.36, 0, 1.1), (0.0, 0, 0.35), (0.02, 0, 0.36)))
        draw_rider(brush, stand, view, Saddle(seat, bar, (pedals[0], pedals[1])), helmet=True)
