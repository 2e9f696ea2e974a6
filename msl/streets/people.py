"""Persons on foot and on cycles: jointed figures in a plane that faces the camera."""

import math
from typing import NamedTuple

from msl.streets.brush import Brush, Stand, tone
from msl.streets.canvas import Colour

Pair = tuple[float, float]  # m: to the right of a foot on the ground, and above it

_SMALL = 17.0  # px: a person less tall than this is drawn without limbs
_TALL = 1.75  # m
_REACH = 0.91  # m, length of a leg
_LEG, _SLEEVE, _HAND = 0.18, 0.12, 0.09  # m, widths
_FRONT, _BACK = 0.0, 2.0  # how a head faces, besides -1 and 1: to the left and to the right

# Outlines of a body 1.75 m tall: shares of half its width, and heights in m.
_JACKET = ((-0.8, 0.84), (0.8, 0.84), (0.75, 1.05), (1.0, 1.34), (0.5, 1.46), (-0.5, 1.46), (-1.0, 1.34), (-0.75, 1.05))
_COAT = ((-1.05, 0.55), (1.05, 0.55), (0.8, 1.05), (1.0, 1.34), (0.5, 1.46), (-0.5, 1.46), (-1.0, 1.34), (-0.8, 1.05))
_FAR_TOP = ((-0.2, 0.85), (0.2, 0.85), (0.17, 1.48), (-0.17, 1.48))
_HELMET = ((-0.14, 0.0), (-0.11, 0.12), (0.0, 0.17), (0.11, 0.12), (0.14, 0.0))


class Clothes(NamedTuple):
    """What a person wears."""

    skin: Colour
    hair: Colour
    top: Colour
    trousers: Colour
    shoes: Colour


class View(NamedTuple):
    """How a machine is turned to the camera: from the side, along is ±1 and across is 0; from behind, 0 and 1."""

    along: float  # visible share of its length, -1 .. 1; negative if its front is to the left
    across: float  # visible share of its width, 0 .. 1


class Saddle(NamedTuple):
    """The points where a rider touches the machine."""

    seat: Pair
    bar: Pair
    pedals: tuple[Pair, Pair]


def _dress(brush: Brush) -> Clothes:
    return Clothes(*(brush.paint(material) for material in Clothes._fields))


def draw_person(brush: Brush, x: float, z: float) -> None:
    """Draw a person on foot, of any size, seen from any side, walking or standing."""
    clothes = _dress(brush)
    size = brush.between(0.89, 1.09) * (0.65 if brush.chance(0.08) else 1.0)
    facing = brush.pick((-1.0, 1.0, _FRONT, _BACK))
    profile = abs(facing) == 1
    stride = brush.between(0.15, 0.42) if brush.chance(0.75) else 0.08
    stand = brush.stand(x, z, size=size)
    brush.cast(x - 0.2, x + 0.2, z - 0.1, z + 0.1, 1.7 * size)
    if _TALL * stand.scale < _SMALL:
        _draw_far(stand, clothes, stride if profile else 0.15)
        return
    forward, spread, hip = (facing, stride, 0.03) if profile else (0.0, 0.09 + 0.12 * stride, 0.09)
    shoe = stand.face("person", clothes.shoes)
    for side, shade, lift in ((-1.0, 1.0, 0.25 * stride), (1.0, 1.12, 0.0)):
        cloth = stand.face("person", tone(clothes.trousers, shade), "cloth")
        _draw_leg(stand, (side * hip, 0.88), (side * spread, lift), (cloth, shoe), forward)
    _draw_torso(brush, stand, clothes, profile=profile, swing=0.8 * stride * (facing if profile else 0.3))
    _draw_head(stand, (0.04 * forward, 1.62), "person", clothes, facing)


def _draw_far(stand: Stand, clothes: Clothes, stride: float) -> None:
    """A person too far away for limbs."""
    legs = [(-stride, 0.0), (0.0, 0.5), (stride, 0.0), (0.15, 0.9), (-0.15, 0.9)]
    stand.polygon(legs, stand.face("person", clothes.trousers))
    stand.polygon(_FAR_TOP, stand.face("person", clothes.top))
    stand.ellipse(0.0, 1.62, 0.2, 0.26, stand.face("person", clothes.hair))


def _draw_leg(stand: Stand, hip: Pair, foot: Pair, faces: tuple[int, int], forward: float) -> None:
    """Thigh, shin and shoe of a leg whose knee bends towards `forward`, -1 .. 1."""
    cloth, shoe = faces
    span = math.hypot(foot[0] - hip[0], foot[1] - hip[1])
    out = 0.5 * forward * math.sqrt(max(0.0, _REACH**2 - span**2)) / max(span, 1e-6)
    knee = ((hip[0] + foot[0]) / 2 + out * (hip[1] - foot[1]), (hip[1] + foot[1]) / 2 + out * (foot[0] - hip[0]))
    stand.limb(hip, knee, cloth, width=_LEG, taper=0.8)
    stand.limb(knee, foot, cloth, width=0.8 * _LEG, taper=0.75)
    x, y = foot
    toe = x + 0.06 + 0.16 * forward
    stand.polygon([(x - 0.06, y), (toe, y), (x + 0.05, y + 0.1), (x - 0.06, y + 0.1)], shoe)


def _draw_arm(stand: Stand, shoulder: Pair, hand: Pair, faces: tuple[int, int]) -> None:
    sleeve, skin = faces
    stand.limb(shoulder, hand, sleeve, width=_SLEEVE, taper=0.7)
    stand.ellipse(*hand, _HAND, _HAND, skin)


def _draw_torso(brush: Brush, stand: Stand, clothes: Clothes, *, profile: bool, swing: float) -> None:
    """Neck, arms, a jacket or a coat, and perhaps a bag; in profile one arm is behind the body and one before it."""
    half, root = (0.15, 0.0) if profile else (0.22, 0.2)
    skin = stand.face("person", clothes.skin)
    arm = (stand.face("person", tone(clothes.top, 0.85), "cloth"), skin)
    left, right = (-swing, swing) if profile else (-half - 0.07, half + 0.07)
    stand.limb((0.0, 1.4), (0.0, 1.56), skin, width=0.11)
    _draw_arm(stand, (-root, 1.36), (left, 0.84), arm)
    outline = brush.pick((_JACKET, _JACKET, _COAT))
    stand.polygon([(half * x, y) for x, y in outline], stand.face("person", clothes.top, "cloth"))
    _draw_arm(stand, (root, 1.36), (right, 0.84), arm)
    if brush.chance(0.3):
        bag = stand.face("person", brush.paint("accent"))
        stand.rectangle(0.8 * half, 0.8 * half + 0.22, 0.5, 0.82, bag)


def _draw_head(
    stand: Stand, at: Pair, label: str, clothes: Clothes, facing: float, helmet: Colour | None = None
) -> None:
    x, y = at
    hair = stand.face(label, helmet or clothes.hair)
    stand.ellipse(x, y, 0.22, 0.27, hair)
    if facing != _BACK:
        stand.ellipse(x + 0.035 * facing, y - 0.035, 0.17, 0.21, stand.face(label, clothes.skin))
    if helmet:
        stand.polygon([(x + dx, y + dy) for dx, dy in _HELMET], hair)


def draw_rider(brush: Brush, stand: Stand, view: View, saddle: Saddle, *, helmet: bool) -> None:
    """Draw a rider in the saddle, hands on the bar and feet on the pedals."""
    clothes = _dress(brush)
    seat, bar = saddle.seat, saddle.bar
    apart = 0.16 * view.across  # of legs and arms
    shoe = stand.face("rider", clothes.shoes)
    for side, pedal, shade in ((-1.0, saddle.pedals[1], 0.8), (1.0, saddle.pedals[0], 1.0)):
        faces = (stand.face("rider", tone(clothes.trousers, shade), "cloth"), shoe)
        hip, foot = (seat[0] + side * apart, seat[1]), (pedal[0] + side * apart, pedal[1])
        _draw_leg(stand, hip, foot, faces, view.along)
    lean, half = 0.24 * view.along, 0.15 + 0.07 * view.across
    back = [(half * x + lean * (y - 0.84) / 0.6, y - 0.88) for x, y in _JACKET]
    stand.polygon([(seat[0] + x, seat[1] + y) for x, y in back], stand.face("rider", clothes.top, "cloth"))
    arm = (stand.face("rider", tone(clothes.top, 0.85), "cloth"), stand.face("rider", clothes.skin))
    for side in (-1.0, 1.0):
        shoulder = (seat[0] + lean + 1.6 * side * apart, seat[1] + 0.49)
        _draw_arm(stand, shoulder, (bar[0] + 1.8 * side * apart, bar[1] + 0.02), arm)
    facing = math.copysign(1.0, view.along) if abs(view.along) > 0.5 else brush.pick((_FRONT, _BACK))
    helmet_colour = brush.paint("helmet") if helmet or brush.chance(0.5) else None
    _draw_head(stand, (seat[0] + 1.33 * lean, seat[1] + 0.76), "rider", clothes, facing, helmet_colour)
