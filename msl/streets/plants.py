"""Trees, bushes and hedges: ragged outlines with lighter and darker clumps of leaves, or bare branches.

There is a fixed stock of crowns, which are turned, stretched and coloured for each tree.
"""

import math
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from msl.streets.brush import Brush, Stand, tone
from msl.streets.buildings import Plot
from msl.streets.canvas import Colour
from msl.streets.finishes import ROWS

Floats = NDArray[np.float64]

_STOCK = 24  # number of different crowns, and of bare trees
_OUTLINE, _CLUMP = 26, 8  # corners of a crown and of a clump in it
_CLUMPS = 9  # in a crown
_TONES = (0.80, 0.92, 1.04, 1.16)  # brightness of clumps, from the crown's foot to its sunny side
_TIERS = 5  # of a conifer, and the outline of one: shares of its half width and of the tree's height
_TIER = ((-1.0, 0.0), (-0.4, 0.12), (0.0, 0.30), (0.4, 0.12), (1.0, 0.0), (0.3, -0.02), (-0.3, -0.02))
_FINE = 16.0  # px, radius below which a crown has no holes
_LIMBS = 13  # the first bars of a bare tree: its trunk and what forks from it
_BIG = 60.0  # px, height below which a bare tree is drawn without its thinnest branches
_CLUMP_SIZE = 2.6  # px of a crown's radius for each clump


class Crown(NamedTuple):
    """A crown about its centre, 1 wide and 1 high to each side."""

    points: Floats  # (corners, 2): the outline, then the clumps'
    places: list[tuple[float, float]]  # the clumps' middles


def _ragged_outline(rng: np.random.Generator, corners: int, rough: float) -> Floats:
    """A closed outline about the origin, (corners, 2), whose radius of 1 varies by a share `rough`."""
    angle = 2 * np.pi * (np.arange(corners) + rng.uniform(-0.3, 0.3, corners)) / corners
    radius = 1 + rng.uniform(-rough, rough, corners)
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)


@cache
def _crown(number: int) -> Crown:
    rng = np.random.default_rng([1, number])
    places = rng.uniform(-0.62, 0.62, (_CLUMPS, 2))
    clumps = [place + rng.uniform(0.25, 0.45) * _ragged_outline(rng, _CLUMP, 0.25) for place in places]
    return Crown(np.concatenate([_ragged_outline(rng, _OUTLINE, 0.16), *clumps]), [(x, y) for x, y in places.tolist()])


@cache
def _branches(number: int) -> Floats:
    """A bare tree of height about 1 on its foot: bars of four corners each, (bars, 4, 2)."""
    rng = np.random.default_rng([2, number])
    tips = [(np.zeros(2), math.pi / 2, 0.34, 0.04)]
    bars = []
    for forks in (3, 3, 2, 0):
        next_tips = []
        for foot, angle, length, width in tips:
            along = np.array([math.cos(angle), math.sin(angle)])
            across, end = np.array([-along[1], along[0]]) * width / 2, foot + length * along
            bars.append([foot - across, foot + across, end + 0.6 * across, end - 0.6 * across])
            for k in range(forks):
                turn = 0.95 * (k / (forks - 1) - 0.5) + rng.uniform(-0.2, 0.2)
                next_tips.append((end, angle + turn, length * rng.uniform(0.6, 0.75), width * 0.55))
        tips = next_tips
    return np.array(bars)


def _draw_crown(
    brush: Brush, stand: Stand, colour: Colour, centre: tuple[float, float], half: tuple[float, float], clumps: int
) -> None:
    """Leaves about a centre, `half` as wide and high in metres: a ragged crown with clumps, brighter to the sun."""
    crown = _crown(int(brush.between(0, _STOCK)))
    turn = brush.pick((-1.0, 1.0))
    outline = stand.outlines(crown.points * (half[0] * turn, half[1]) + centre)
    radius = half[0] * stand.scale
    leaves = stand.face("vegetation", tone(colour, 0.95), "leaves" if radius > _FINE else "hedge")
    (stand.canvas.veil if radius > _FINE else stand.canvas.fill)(outline[: 2 * _OUTLINE], leaves)
    tones = [stand.face("vegetation", tone(colour, shade), "hedge") for shade in _TONES]
    sunward = math.copysign(0.5, brush.light.toward[0]) * turn if brush.light.casts else 0.0
    for k in range(min(clumps, int(radius / _CLUMP_SIZE))):
        x, y = crown.places[k]
        first = 2 * (_OUTLINE + _CLUMP * k)
        number = tones[min(len(_TONES) - 1, max(0, round(1.5 + 1.8 * (y + sunward * x) + brush.between(-0.4, 0.4))))]
        stand.canvas.fill(outline[first : first + 2 * _CLUMP], number)


def draw_tree(brush: Brush, x: float, z: float, *, bare: bool = False) -> None:
    """Draw a tree: round, tall or a conifer, in leaf or bare."""
    height = brush.between(6.0, 11.5)
    radius = height * brush.between(0.24, 0.36)
    stand = brush.stand(x, z, lit=0.75)
    bark = stand.face("vegetation", brush.shared["bark"], "bark")
    width = height * brush.between(0.03, 0.05)
    _shade_tree(brush, x, z, height, radius * (0.3 if bare else 1.0), width)
    if bare:
        _draw_bare(brush, stand, height, bark)
        return
    colour = brush.paint("leaves")
    if brush.chance(0.15):
        _draw_conifer(stand, height, bark, colour)
        return
    half = (radius, height * brush.between(0.30, 0.36))
    centre = (0.0, height - half[1])
    stand.limb((0.0, 0.0), (brush.between(-0.2, 0.2), centre[1]), bark, width=width, taper=0.7)
    _draw_crown(brush, stand, colour, centre, half, _CLUMPS)


def _shade_tree(brush: Brush, x: float, z: float, height: float, radius: float, trunk: float) -> None:
    """The shade below a tree or, if the sun shines, the shadow of its trunk and crown."""
    canvas = brush.canvas
    if not brush.light.casts:
        canvas.shade([(x - trunk, z - 0.3), (x + trunk, z - 0.3), (x + trunk, z + 0.3), (x - trunk, z + 0.3)])
        return
    dx, dz = brush.light.shift
    centre = (x + dx * 0.65 * height, z + dz * 0.65 * height)
    t = trunk / 2
    canvas.shade([(x - t, z), (x + t, z), (centre[0] + t, centre[1]), (centre[0] - t, centre[1])])
    spread = (
        _crown(int(brush.between(0, _STOCK))).points[:_OUTLINE:3]
        * (radius + 0.3 * height * abs(dx), radius + 0.3 * height * abs(dz))
        + centre
    )
    canvas.shade([(a, b) for a, b in spread.tolist()])


def _draw_conifer(stand: Stand, height: float, bark: int, colour: Colour) -> None:
    stand.limb((0.0, 0.0), (0.0, height * 0.3), bark, width=height * 0.035)
    for k in range(_TIERS):
        low, half = height * (0.14 + 0.16 * k), height * 0.24 * (1 - k / (_TIERS + 0.5))
        tier = stand.face("vegetation", tone(colour, 0.75 + 0.07 * k), "hedge")
        stand.polygon([(half * x, low + height * y) for x, y in _TIER], tier)


def _draw_bare(brush: Brush, stand: Stand, height: float, bark: int) -> None:
    """A tree without leaves: a trunk that forks three times, in a haze of twigs."""
    number = int(brush.between(0, _STOCK))
    twigs = stand.face("vegetation", brush.shared["bark"], "twigs")
    crown = _crown(number).points[:_OUTLINE] * (height * 0.27, height * 0.33) + (0.0, height * 0.66)
    stand.canvas.veil(stand.outlines(crown), twigs)
    count = _LIMBS if height * stand.scale < _BIG else None
    bars = stand.outlines(_branches(number)[:count].reshape(-1, 2) * height)
    for first in range(0, len(bars), 8):
        stand.canvas.fill(bars[first : first + 8], bark)


def draw_bush(brush: Brush, x: float, z: float) -> None:
    """Draw a bush."""
    stand = brush.stand(x, z, lit=0.7)
    half = (brush.between(0.7, 1.8), brush.between(0.5, 1.1))
    brush.cast(x - half[0], x + half[0], z - 0.5, z + 0.5, 2 * half[1])
    _draw_crown(brush, stand, brush.paint("leaves"), (0.0, half[1] * 0.85), half, 4)


def draw_hedge(brush: Brush, plot: Plot) -> None:
    """Draw a clipped hedge along the front of a plot."""
    canvas, x = brush.canvas, plot.x
    z0, z1 = max(plot.z0, canvas.camera.near), plot.z1
    height, colour = brush.between(1.0, 2.2), brush.paint("leaves")
    back = x + plot.side * 1.2
    brush.cast(min(x, back), max(x, back), z0, z1, height)
    lit = brush.light.on(-plot.side, 0, 0) * 0.8 + 0.1
    long = canvas.upright("vegetation", colour, (x, z0, x, z1), lit=lit, finish=ROWS["hedge"])
    steps = max(2, int((z1 - z0) / 1.5))
    crest = [(x, height + brush.between(-0.1, 0.1), z0 + (z1 - z0) * k / steps) for k in range(steps + 1)]
    canvas.fill(canvas.project([(x, 0, z0), *crest, (x, 0, z1)]), long)
    if plot.z0 > canvas.camera.near:
        lit = brush.light.on(0, 0, -1) * 0.8 + 0.1
        end = (x, z0, back, z0)
        canvas.erect(end, 0.0, height, canvas.upright("vegetation", colour, end, lit=lit, finish=ROWS["hedge"]))
