"""A thing to draw, and its place in the image."""

import math
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from msl.streets.brush import Brush

PLANTS_END = 45.0  # m, depth beyond which no trees and bushes stand
BARE = 0.12  # share of trees without leaves
_WITHIN = 0.93  # share of the half image in which things are placed that must be visible
_REACH = 4.0  # m, largest distance from a thing's foot to one of its parts


class Thing(NamedTuple):
    """Something to draw, and the depth in m of its nearest point, by which it is sorted."""

    depth: float
    draw: Callable[[Brush], None]
    x: float | None = (
        None  # m, of the point where it stands; None: it lines the street and draws only its part ahead of the camera
    )


def thing_at(x: float, z: float, draw: Callable[..., None], **how: object) -> Thing:
    """A thing that stands at a point of the ground."""
    return Thing(z, partial(draw, x=x, z=z, **how), x)


def in_view(brush: Brush, x: float, z: float) -> bool:
    """Whether a thing at a point of the ground, or its shadow, may be visible."""
    camera = brush.canvas.camera
    if z <= camera.near:
        return False
    reach = _REACH * camera.focal / z
    return -reach < camera.u(x, z) < camera.width + reach


def rate(brush: Brush, kind: str) -> float:
    """How often a kind of thing occurs in this domain, as a multiple of its usual rate."""
    return brush.style.rates.get(kind, 1.0)


def depth_ahead(brush: Brush, x: float, reach: float = 2.2) -> float:
    """A depth in m for a thing at x: from where it enters the image to `reach` times that, more often near than far."""
    camera = brush.canvas.camera
    room = camera.width - camera.centre[0] if x > 0 else camera.centre[0]
    near = max(1.15 * camera.near, camera.focal * abs(x) / (_WITHIN * room))
    return near * (1 + (reach - 1) * math.pow(brush.between(0.0, 1.0), 1.4))
