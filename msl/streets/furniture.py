"""Things on the pavement: lamp posts, traffic lights, signs, and bins and benches, which have no class."""

import math

from msl.streets.brush import Brush, Stand, tone

_ROUND = tuple((math.cos(k * math.pi / 8), math.sin(k * math.pi / 8)) for k in range(16))
_LAMPS = (((255, 60, 40), 0.30), ((255, 190, 40), 0.0), ((60, 230, 130), -0.30))  # colour, m above the middle
_BOARDS_FROM = 12.0  # m, smallest depth of a board with directions
_LAMP_OFF = 0.22  # brightness of a lamp that is not lit


def draw_lamp_post(brush: Brush, x: float, z: float) -> None:
    """Draw a street lamp whose arm reaches over the road."""
    stand = brush.stand(x, z)
    pole = stand.face("pole", brush.shared["pole"])
    height, arm = brush.between(5.5, 8.5), -math.copysign(brush.between(0.9, 1.8), x)
    brush.cast(x - 0.1, x + 0.1, z - 0.05, z + 0.05, height)
    stand.limb((0.0, 0.0), (0.0, height), pole, width=0.18, taper=0.8)
    stand.limb((0.0, height), (arm, height + 0.35), pole, width=0.11)
    stand.limb((arm * 0.75, height + 0.28), (arm * 1.25, height + 0.36), pole, width=0.2)


def draw_pole(brush: Brush, x: float, z: float) -> None:
    """Draw a plain pole: a mast for wires, or a bollard."""
    stand = brush.stand(x, z)
    height = brush.pick((1.0, 1.0, 6.5, 7.5))
    brush.cast(x - 0.1, x + 0.1, z - 0.05, z + 0.05, height)
    stand.limb((0.0, 0.0), (0.0, height), stand.face("pole", brush.shared["pole"]), width=0.18)


def draw_traffic_light(brush: Brush, x: float, z: float) -> None:
    """Draw a traffic light on its post, or on a mast with a second one over the road."""
    stand = brush.stand(x, z)
    pole = stand.face("pole", brush.shared["pole"])
    lit = brush.pick((0, 0, 2, 2, 1))
    if brush.chance(0.45):
        height, arm = brush.between(5.2, 6.2), -math.copysign(brush.between(2.5, 4.5), x)
        brush.cast(x - 0.1, x + 0.1, z - 0.05, z + 0.05, height)
        stand.limb((0.0, 0.0), (0.0, height), pole, width=0.18, taper=0.8)
        stand.limb((0.0, height - 0.1), (arm, height), pole, width=0.13)
        _draw_head(brush, stand, arm, height - 0.45, lit)
    else:
        brush.cast(x - 0.1, x + 0.1, z - 0.05, z + 0.05, 3.4)
        stand.limb((0.0, 0.0), (0.0, 3.3), pole, width=0.15)
    _draw_head(brush, stand, -math.copysign(0.05, x), 2.9, lit)


def _draw_head(brush: Brush, stand: Stand, x: float, y: float, lit: int) -> None:
    housing = stand.face("traffic light", brush.shared["housing"])
    stand.rectangle(x - 0.28, x + 0.28, y - 0.64, y + 0.64, housing)
    for k, (colour, above) in enumerate(_LAMPS):
        glow = 1.0 if k == lit else _LAMP_OFF
        lamp = stand.face("traffic light", tone(colour, glow), lit=1.0)
        stand.ellipse(x, y + above * 1.3, 0.34, 0.34, lamp)


def draw_sign(brush: Brush, x: float, z: float) -> None:
    """Draw a traffic sign on its post: prohibition, warning, order, priority, or a board with directions."""
    stand = brush.stand(x, z)
    pole = stand.face("pole", brush.shared["pole"])
    board = z > _BOARDS_FROM and brush.chance(0.3)
    height = brush.between(2.6, 3.3)
    brush.cast(x - 0.1, x + 0.1, z - 0.05, z + 0.05, height)
    if board:
        for at in (-0.7, 0.7):
            stand.limb((at, 0.0), (at, height), pole, width=0.12)
        _draw_board(brush, stand, height)
        return
    stand.limb((0.0, 0.0), (0.0, height), pole, width=0.14)
    _draw_plate(brush, stand, height, brush.between(0.42, 0.52))
    if brush.chance(0.25):
        _draw_plate(brush, stand, height - 0.95, 0.4)


def _draw_board(brush: Brush, stand: Stand, y: float) -> None:
    ground = brush.pick(("sign blue", "sign white", "sign yellow"))
    stand.rectangle(-1.05, 1.05, y - 0.7, y + 0.7, stand.face("traffic sign", brush.paint("sign white")))
    stand.rectangle(-0.98, 0.98, y - 0.63, y + 0.63, stand.face("traffic sign", brush.paint(ground)))
    ink = stand.face("traffic sign", brush.paint("dark" if ground != "sign blue" else "sign white"))
    for row in (0.28, -0.28):
        stand.rectangle(-0.75, brush.between(0.1, 0.7), y + row - 0.09, y + row + 0.09, ink)


# In units of the plate's radius: the layers of a sign, from its ground to its mark, with their paints.
_TRIANGLE = ((-1.0, -0.7), (1.0, -0.7), (0.0, 1.05))
_YIELD = tuple((x, -y) for x, y in _TRIANGLE)
_SQUARE = ((-0.85, -0.85), (0.85, -0.85), (0.85, 0.85), (-0.85, 0.85))
_DIAMOND = ((-1.1, 0.0), (0.0, -1.1), (1.1, 0.0), (0.0, 1.1))
_OCTAGON = tuple((1.05 * math.cos((k + 0.5) * math.pi / 4), 1.05 * math.sin((k + 0.5) * math.pi / 4)) for k in range(8))
_BAR = ((-0.7, -0.18), (0.7, -0.18), (0.7, 0.18), (-0.7, 0.18))
_ARROW = ((-0.13, -0.6), (0.13, -0.6), (0.13, 0.1), (0.42, 0.1), (0.0, 0.65), (-0.42, 0.1), (-0.13, 0.1))
_FIGURE = ((-0.3, -0.45), (-0.08, -0.45), (0.0, -0.1), (0.08, -0.45), (0.3, -0.45), (0.12, 0.45), (-0.12, 0.45))


def _inner(outline: tuple[tuple[float, float], ...], share: float) -> tuple[tuple[float, float], ...]:
    return tuple((share * x, share * y) for x, y in outline)


_PLATES = (
    ((_ROUND, "sign red"), (_inner(_ROUND, 0.72), "sign white"), (_inner(_FIGURE, 0.8), "dark")),
    ((_ROUND, "sign red"), (_BAR, "sign white")),
    ((_TRIANGLE, "sign red"), (_inner(_TRIANGLE, 0.66), "sign white"), (_inner(_FIGURE, 0.6), "dark")),
    ((_YIELD, "sign red"), (_inner(_YIELD, 0.66), "sign white")),
    ((_ROUND, "sign blue"), (_ARROW, "sign white")),
    ((_SQUARE, "sign blue"), (_inner(_TRIANGLE, 0.72), "sign white"), (_inner(_FIGURE, 0.6), "dark")),
    ((_SQUARE, "sign blue"), (_inner(_ARROW, 1.1), "sign white")),
    ((_DIAMOND, "sign white"), (_inner(_DIAMOND, 0.76), "sign yellow")),
    ((_OCTAGON, "sign red"), (_inner(_BAR, 1.05), "sign white")),
)


def _draw_plate(brush: Brush, stand: Stand, y: float, radius: float) -> None:
    for outline, paint in brush.pick(_PLATES):
        stand.polygon(
            [(radius * a, y + radius * b) for a, b in outline], stand.face("traffic sign", brush.paint(paint))
        )


def draw_static(brush: Brush, x: float, z: float) -> None:
    """Draw a thing of no class: a bin, a letter box, a bench or an advertising pillar."""
    stand = brush.stand(x, z)
    width, height = brush.pick(((0.6, 1.0), (0.5, 1.3), (1.6, 0.5), (0.9, 2.2)))
    colour = brush.paint("static")
    brush.cast(x - width / 2, x + width / 2, z - 0.2, z + 0.2, height)
    stand.rectangle(-width / 2, width / 2, 0.0, height, stand.face("static", colour, "cloth"))
    lid = stand.face("static", tone(colour, 1.2))
    stand.rectangle(-width / 2, width / 2, height - 0.12, height, lid)
