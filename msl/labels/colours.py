"""Colours for classes that have none: far from each other for every kind of colour vision."""

import math
from collections.abc import Sequence
from functools import cache
from itertools import product

from msl.labels.label_set import Colour

# Okabe and Ito, *Color Universal Design*, 2008: people with and without colour blindness can tell them apart.
_FIRST: tuple[Colour, ...] = (
    *((230, 159, 0), (86, 180, 233), (0, 158, 115), (240, 228, 66)),
    *((0, 114, 178), (213, 94, 0), (204, 121, 167)),
)
_LEVELS = (0, 32, 64, 96, 128, 160, 192, 224, 252)  # of each channel of further colours
_TAKEN: tuple[Colour, ...] = ((0, 0, 0), (255, 255, 255))  # ignored pixels, and the background
_MIN_DISTANCE = 0.05  # in OKLab, where white is 1 from black: people confuse closer colours

# Machado, Oliveira and Fernandes, *A Physiologically-based Model for Simulation of Color Vision Deficiency*, 2009,
# severity 1: what a person without one kind of cones sees, in linear RGB. The first is normal vision.
_VISIONS = (
    ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)),
    ((0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216), (-0.003882, -0.048116, 1.051998)),
    ((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.011820, 0.042940, 0.968881)),
    ((1.255528, -0.076749, -0.178779), (-0.078411, 0.930809, 0.147602), (0.004733, 0.691367, 0.303900)),
)
# Ottosson, *A perceptual color space for image processing*, 2020.
_TO_CONES = (
    (0.4122214708, 0.5363325363, 0.0514459929),
    (0.2119034982, 0.6806995451, 0.1073969566),
    (0.0883024619, 0.2817188376, 0.6299787005),
)
_TO_OKLAB = (
    (0.2104542553, 0.7936177850, -0.0040720468),
    (1.9779984951, -2.4285922050, 0.4505937099),
    (0.0259040371, 0.7827717662, -0.8086757660),
)

_Vector = tuple[float, float, float]
_Perceived = tuple[_Vector, ...]  # a colour in OKLab, as each kind of vision sees it


def chosen_colours(count: int, taken: Sequence[Colour] = ()) -> list[Colour]:
    """`count` colours, always the same, each as far as possible from `taken`, black, white and each other.

    The first are Okabe and Ito's. Each further one is the colour of a grid that is furthest from its nearest neighbour,
    in the vision that separates the two least.
    """
    used = [*map(_perceived, (*_TAKEN, *taken))]
    chosen = [
        colour for colour in _FIRST if min(_distance(_perceived(colour), other) for other in used) > _MIN_DISTANCE
    ][:count]
    used += map(_perceived, chosen)
    grid = product(_LEVELS, repeat=3) if count > len(chosen) else ()
    distances = {(r, g, b): min(_distance(_perceived((r, g, b)), other) for other in used) for r, g, b in grid}
    while len(chosen) < count:
        furthest = max(distances, key=lambda colour: distances[colour])
        chosen.append(furthest)
        distances = {
            c: min(distance, _distance(_perceived(c), _perceived(furthest))) for c, distance in distances.items()
        }
    return chosen


@cache
def _perceived(colour: Colour) -> _Perceived:
    red, green, blue = (_linear(level / 255) for level in colour)
    return tuple(_oklab(_product(vision, (red, green, blue))) for vision in _VISIONS)


def _distance(one: _Perceived, other: _Perceived) -> float:
    """The smallest distance over all kinds of vision."""
    squares = [(a - d) ** 2 + (b - e) ** 2 + (c - f) ** 2 for (a, b, c), (d, e, f) in zip(one, other, strict=True)]
    return math.sqrt(min(squares))


def _linear(value: float) -> float:
    return value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4


def _oklab(linear: _Vector) -> _Vector:
    red, green, blue = (min(1.0, max(0.0, value)) for value in linear)
    long, medium, short = (value ** (1 / 3) for value in _product(_TO_CONES, (red, green, blue)))
    return _product(_TO_OKLAB, (long, medium, short))


def _product(matrix: tuple[_Vector, _Vector, _Vector], vector: _Vector) -> _Vector:
    first, second, third = (sum(a * b for a, b in zip(row, vector, strict=True)) for row in matrix)
    return first, second, third
