"""Persons, bicycles, motorcycles and their riders: jointed figures in a plane square to the camera."""

import math
from typing import NamedTuple

from msl.data.streets.brush import Brush, Stand
from msl.data.streets.canvas import Colour

Pair = tuple[float, float]


class Clothes(NamedTuple):
    """What a person wears."""

    skin: Colour
    hair: Colour
    top: Colour
    trousers: Colour
    shoes: Colour


def _dress(brush: Brush) -> Clothes:
    return Clothes(*(brush.paint(material) for material in Clothes._fields))


def _bend(start: Pair, end: Pair, reach: float, forward: float) -> Pair:
    """The joint (knee, elbow) of a limb of two equal parts, `reach` long in all, that bends towards `forward`."""
    (x0, y0), (x1, y1) = start, end
    span = math.hypot(x1 - x0, y1 - y0) or 1e-6
    out = math.sqrt(max(0.0, (reach / 2) ** 2 - (span / 2) ** 2)) * forward
    return (x0 + x1) / 2 + out * (y1 - y0) / span * -1, (y0 + y1) / 2 + out * (x1 - x0) / span


def _leg(stand: Stand, hip: Pair, foot: Pair, cloth: int, shoe: int, *, reach: float, forward: float) -> None:
    knee = _bend(hip, foot, reach, forward)
    stand.limb(hip, knee, cloth, width=0.18, taper=0.8)
    stand.limb(knee, foot, cloth, width=0.145, taper=0.75)
    toe = 0.16 * forward if forward else 0.0
    stand.polygon(
        [
            (foot[0] - 0.06, foot[1]),
            (foot[0] + 0.06 + toe, foot[1]),
            (foot[0] + 0.05, foot[1] + 0.1),
            (foot[0] - 0.06, foot[1] + 0.1),
        ],
        shoe,
    )


def _head(stand: Stand, at: Pair, label: str, clothes: Clothes, *, facing: float, helmet: Colour | None = None) -> None:
    """A head about a point; `facing` is -1 or 1 in profile, 0 from the front, 2 from behind."""
    x, y = at
    hair = stand.face(label, helmet or clothes.hair)
    stand.ellipse(x, y, 0.22, 0.27, hair)
    if facing != 2:
        stand.ellipse(x + 0.035 * facing, y - 0.035, 0.17, 0.21, stand.face(label, clothes.skin))
    if helmet:
        stand.polygon([(x - 0.14, y), (x - 0.11, y + 0.12), (x, y + 0.17), (x + 0.11, y + 0.12), (x + 0.14, y)], hair)


def draw_person(brush: Brush, x: float, z: float) -> None:
    """Draw a person on foot, of any size, seen from any side, walking or standing."""
    clothes = _dress(brush)
    height = brush.between(1.55, 1.9) * (0.65 if brush.chance(0.08) else 1.0)
    k = height / 1.75
    facing = brush.pick((-1.0, 1.0, 0.0, 2.0))
    profile = abs(facing) == 1
    stride = brush.between(0.15, 0.42) * k if brush.chance(0.75) else 0.08
    spread = stride if profile else 0.09 + stride * 0.12
    stand = brush.stand(x, z)
    cloth, shoe = stand.face("person", clothes.trousers, "cloth"), stand.face("person", clothes.shoes)
    forward = facing if profile else 0.0
    hip_y, hip_x = 0.88 * k, 0.03 if profile else 0.09
    lift = stride * 0.25
    _leg(stand, (-hip_x, hip_y), (-spread, lift), cloth, shoe, reach=0.9 * k, forward=forward)
    front = stand.face("person", _shade(clothes.trousers, 1.12), "cloth")
    _leg(stand, (hip_x, hip_y), (spread, 0.0), front, shoe, reach=0.9 * k, forward=forward)
    _torso(brush, stand, clothes, k, profile=profile, swing=stride * (facing if profile else 0.3))
    _head(stand, (0.04 * forward, 1.62 * k), "person", clothes, facing=facing)


def _shade(colour: Colour, factor: float) -> Colour:
    red, green, blue = colour
    return red * factor, green * factor, blue * factor


def _torso(brush: Brush, stand: Stand, clothes: Clothes, k: float, *, profile: bool, swing: float) -> None:
    """Arms, a coat or a dress, and what is carried."""
    half = 0.15 if profile else 0.22
    top = stand.face("person", clothes.top, "cloth")
    sleeve = stand.face("person", _shade(clothes.top, 0.85), "cloth")
    skin = stand.face("person", clothes.skin)
    hem = brush.pick((0.84, 0.84, 0.6)) * k
    flare = 1.25 if hem < 0.8 * k else 1.0
    shoulder = 1.40 * k
    for side in (-1.0, 1.0):
        root = (0.0, shoulder - 0.04) if profile else (side * half * 0.92, shoulder - 0.03)
        hand = (side * swing * 0.8, 0.86 * k) if profile else (side * (half + 0.07), 0.82 * k)
        if not profile or side < 0:
            stand.limb(root, hand, sleeve, width=0.12, taper=0.7)
            stand.ellipse(*hand, 0.09, 0.1, skin)
    stand.polygon(
        [
            (-half * 0.8 * flare, hem),
            (half * 0.8 * flare, hem),
            (half * 0.75, 1.05 * k),
            (half, shoulder - 0.06),
            (half * 0.5, shoulder + 0.06),
            (-half * 0.5, shoulder + 0.06),
            (-half, shoulder - 0.06),
            (-half * 0.75, 1.05 * k),
        ],
        top,
    )
    if profile:
        hand = (swing * 0.8, 0.86 * k)
        stand.limb((0.0, shoulder - 0.04), hand, sleeve, width=0.12, taper=0.7)
        stand.ellipse(*hand, 0.09, 0.1, skin)
    if brush.chance(0.3):
        bag = stand.face("person", brush.paint("accent"))
        stand.rectangle(half * 0.8, half * 0.8 + 0.22, 0.5 * k, 0.82 * k, bag)
    stand.limb((0.0, shoulder), (0.0, 1.56 * k), skin, width=0.11)


def _wheel(stand: Stand, label: str, x: float, radius: float, squeeze: float, tyre: Colour, *, thick: float) -> None:
    """A wheel seen at an angle: a rim through whose spokes one sees the street."""
    ring = [(x + radius * squeeze * c, radius + radius * s) for c, s in _ROUND]
    if squeeze > _EDGE_ON:
        stand.veil(ring, stand.face(label, _shade(tyre, 2.2), "spokes"))
        stand.line([*ring, ring[0]], stand.face(label, tyre), width=radius * thick)
    else:
        stand.polygon(ring, stand.face(label, tyre))


_EDGE_ON = 0.45  # a wheel's width, as a share of its height, below which one sees only the tyre
_ROUND = tuple((math.cos(k * math.pi / 7), math.sin(k * math.pi / 7)) for k in range(14))


def draw_bicycle(brush: Brush, x: float, z: float, *, ridden: bool) -> None:
    """Draw a bicycle, seen from the side or nearly from behind, with or without its rider."""
    stand = brush.stand(x, z)
    side = brush.pick((-1.0, 1.0))
    squeeze = brush.between(0.65, 1.0) if brush.chance(0.6) else brush.between(0.12, 0.35)
    s = side * squeeze
    tyre, tube = brush.paint("tyre"), stand.face("bicycle", brush.paint("frame tube"))
    for at in (-0.52, 0.52):
        _wheel(stand, "bicycle", at * s, 0.35, max(squeeze, 0.16), tyre, thick=0.16)
    crank, saddle, head = (-0.08 * s, 0.3), (-0.22 * s, 0.85), (0.36 * s, 0.82)
    hub, fork = (-0.52 * s, 0.35), (0.52 * s, 0.35)
    for start, end in ((hub, crank), (crank, saddle), (crank, head), (saddle, head), (hub, saddle), (head, fork)):
        stand.limb(start, end, tube, width=0.06)
    bar = (0.42 * s, 1.02)
    stand.limb(head, bar, tube, width=0.05)
    grip = 0.27 * (1 - squeeze) + 0.04
    stand.limb((bar[0] - grip, bar[1]), (bar[0] + grip, bar[1]), tube, width=0.05)
    stand.limb((-0.34 * s, 0.92), (-0.12 * s, 0.93), stand.face("bicycle", tyre), width=0.09)
    if ridden:
        _draw_rider(brush, stand, s, seat=(-0.2 * s, 0.95), bar=bar, pedals=((-0.02 * s, 0.14), (-0.14 * s, 0.46)))


def draw_motorcycle(brush: Brush, x: float, z: float, *, ridden: bool) -> None:
    """Draw a motorcycle or a scooter, from the side or nearly from behind, with or without its rider."""
    stand = brush.stand(x, z)
    side = brush.pick((-1.0, 1.0))
    squeeze = brush.between(0.7, 1.0) if brush.chance(0.6) else brush.between(0.2, 0.4)
    s = side * squeeze
    tyre, paint = brush.paint("tyre"), brush.paint("motor")
    wide = 0.14 * (1 - squeeze)  # what is seen of its width
    dark, body = stand.face("motorcycle", brush.paint("dark")), stand.face("motorcycle", paint, "paint")
    chrome, bright = (
        stand.face("motorcycle", brush.paint("hub")),
        stand.face("motorcycle", _shade(paint, 1.25), "paint"),
    )
    for at in (-0.68, 0.70):
        stand.polygon(
            [(at * s + 0.33 * max(squeeze, 0.3) * c, 0.33 + 0.33 * y) for c, y in _ROUND],
            stand.face("motorcycle", tyre),
        )
        stand.polygon([(at * s + 0.18 * squeeze * c, 0.33 + 0.18 * y) for c, y in _ROUND], chrome)
    stand.polygon(
        [(-0.4 * s - wide, 0.25), (0.35 * s + wide, 0.25), (0.42 * s + wide, 0.6), (-0.35 * s - wide, 0.6)], dark
    )
    stand.limb((-0.45 * s, 0.3), (-0.9 * s, 0.36), chrome, width=0.1)
    stand.limb((0.70 * s, 0.33), (0.42 * s, 0.98), chrome, width=0.09)
    stand.polygon(
        [
            (-0.92 * s, 0.74),
            (-0.25 * s + wide, 0.62),
            (0.2 * s + wide, 0.58),
            (0.5 * s, 0.8),
            (0.4 * s, 1.0),
            (0.05 * s - wide, 0.98),
            (-0.25 * s - wide, 0.8),
            (-0.95 * s, 0.86),
        ],
        body,
    )
    stand.polygon([(-0.75 * s, 0.84), (-0.1 * s, 0.80), (-0.1 * s, 0.90), (-0.75 * s, 0.94)], dark)
    stand.polygon([(0.38 * s, 0.7), (0.66 * s, 0.86), (0.5 * s, 1.2), (0.4 * s, 1.12)], bright)
    lamp = stand.face("motorcycle", brush.paint("head light" if brush.chance(0.5) else "tail light"))
    stand.ellipse((0.62 if s > 0 else -0.62) * squeeze, 0.88, 0.14, 0.16, lamp)
    bar = (0.36 * s, 1.1)
    stand.limb((bar[0] - 0.08 - 2 * wide, bar[1]), (bar[0] + 0.08 + 2 * wide, bar[1]), dark, width=0.06)
    if ridden:
        _draw_rider(
            brush, stand, s, seat=(-0.28 * s, 0.86), bar=bar, pedals=((0.0, 0.35), (0.02 * s, 0.36)), helmet=True
        )


def _draw_rider(
    brush: Brush, stand: Stand, s: float, *, seat: Pair, bar: Pair, pedals: tuple[Pair, Pair], helmet: bool = False
) -> None:
    """A rider on a seat, hands on the bar and feet on the pedals; `s` is the heading times what is seen of the length."""
    clothes = _dress(brush)
    cloth = stand.face("rider", clothes.trousers, "cloth")
    far = stand.face("rider", _shade(clothes.trousers, 0.8), "cloth")
    top, sleeve = stand.face("rider", clothes.top, "cloth"), stand.face("rider", _shade(clothes.top, 0.85), "cloth")
    shoe, skin = stand.face("rider", clothes.shoes), stand.face("rider", clothes.skin)
    apart = 0.16 * (1 - abs(s))  # of the legs and the arms, seen from behind
    heading = math.copysign(1.0, s)
    for sign, pedal, face in ((-1.0, pedals[1], far), (1.0, pedals[0], cloth)):
        hip, foot = (seat[0] + sign * apart, seat[1]), (pedal[0] + sign * apart, pedal[1])
        _leg(stand, hip, foot, face, shoe, reach=0.92, forward=heading * abs(s))
    shoulder = (seat[0] + 0.24 * s, seat[1] + 0.54)
    wide = 0.15 + 0.07 * (1 - abs(s))
    stand.polygon(
        [
            (seat[0] - wide, seat[1] - 0.05),
            (seat[0] + wide, seat[1] - 0.05),
            (shoulder[0] + wide * 1.1, shoulder[1] - 0.06),
            (shoulder[0] + wide * 0.5, shoulder[1] + 0.06),
            (shoulder[0] - wide * 0.7, shoulder[1] + 0.06),
            (shoulder[0] - wide * 1.2, shoulder[1] - 0.08),
        ],
        top,
    )
    for sign in (-1.0, 1.0):
        root = (shoulder[0] + sign * apart * 1.6, shoulder[1] - 0.05)
        hand = (bar[0] + sign * (apart * 1.8), bar[1] + 0.02)
        stand.limb(root, hand, sleeve, width=0.12, taper=0.7)
        stand.ellipse(*hand, 0.09, 0.09, skin)
    head = (shoulder[0] + 0.08 * s, shoulder[1] + 0.22)
    wears = brush.paint("helmet") if helmet or brush.chance(0.5) else None
    _head(stand, head, "rider", clothes, facing=heading if abs(s) > 0.5 else brush.pick((0.0, 2.0)), helmet=wears)
