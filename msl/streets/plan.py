"""The plan of a street: its kind, its lanes, its kerbs and the places of its buildings."""

from collections.abc import Mapping
from dataclasses import dataclass

from msl.streets.brush import Brush
from msl.streets.style import Range

LANE = 3.3  # m
PARKING = 2.2  # m, width of a row of parked cars
CROSSING = 7.0  # m, width of a crossing street
CORNER = 2.5  # m, width of a crossing street's pavements


@dataclass(frozen=True, kw_only=True)
class Setting:
    """A kind of street."""

    lanes: tuple[tuple[int, int], ...]  # choices of lanes: with the camera, towards it
    parking: float  # share of sides with parked cars
    walk: Range  # m, width of the pavement
    verge: float  # share of sides with grass along the kerb
    setback: Range  # m, from the pavement to the plots
    plots: Mapping[str, float]  # kinds of plots and their weights
    height: Range  # m, of buildings
    shops: float  # share of buildings with shops
    green: float  # share of streets with grass beyond the pavement
    trees: float  # share of sides with a row of trees along the kerb
    people: float  # groups of persons on the pavements, on average
    traffic: float  # vehicles per 45 m of a lane
    trams: float  # share of streets with a tram line


_SETTINGS: tuple[tuple[float, Setting], ...] = (
    (
        0.36,
        Setting(
            lanes=((1, 1), (1, 1), (2, 1)),
            parking=0.45,
            walk=(2.5, 4.5),
            verge=0.05,
            setback=(0.0, 0.2),
            plots={"block": 0.84, "wall": 0.06, "fence": 0.07, "park": 0.03},
            height=(9.0, 22.0),
            shops=0.7,
            green=0.1,
            trees=0.45,
            people=2.6,
            traffic=1.2,
            trams=0.22,
        ),
    ),
    (
        0.22,
        Setting(
            lanes=((2, 2), (2, 1), (1, 1)),
            parking=0.3,
            walk=(2.5, 4.5),
            verge=0.7,
            setback=(0.2, 4.0),
            plots={"block": 0.68, "park": 0.10, "wall": 0.11, "fence": 0.15},
            height=(10.0, 24.0),
            shops=0.35,
            green=0.6,
            trees=0.7,
            people=2.6,
            traffic=1.6,
            trams=0.35,
        ),
    ),
    (
        0.26,
        Setting(
            lanes=((1, 1),),
            parking=0.4,
            walk=(1.6, 2.6),
            verge=0.5,
            setback=(0.0, 0.8),
            plots={"house": 0.40, "hedge": 0.14, "wall": 0.18, "fence": 0.20, "park": 0.08},
            height=(4.5, 7.5),
            shops=0.05,
            green=0.95,
            trees=0.6,
            people=2.0,
            traffic=1.1,
            trams=0.05,
        ),
    ),
    (
        0.16,
        Setting(
            lanes=((1, 1), (2, 2), (2, 1)),
            parking=0.1,
            walk=(1.5, 2.5),
            verge=0.7,
            setback=(0.3, 3.0),
            plots={"park": 0.20, "wall": 0.30, "fence": 0.32, "block": 0.10, "house": 0.08},
            height=(5.0, 14.0),
            shops=0.1,
            green=1.0,
            trees=0.7,
            people=1.4,
            traffic=1.6,
            trams=0.2,
        ),
    ),
)


@dataclass(frozen=True, kw_only=True)
class Street:
    """The plan of a street about the camera; distances in metres from its axis, by side (-1 left, 1 right)."""

    lanes: tuple[tuple[float, int], ...]  # x of the centre; 1: traffic goes with the camera, -1: towards it
    kerb: dict[int, float]
    parking: dict[int, bool]
    verge: dict[int, float]  # width of the grass between kerb and pavement
    walk: dict[int, float]  # outer edge of the pavement
    front: dict[int, float]  # where plots begin
    junction: float | None  # depth at which a street crosses
    zebra: float | None  # depth of a crossing for people
    rails: float | None  # x of a tram line
    green: bool  # whether the ground beyond the pavement is grass

    def crosses(self, z0: float, z1: float) -> bool:
        """Whether a crossing street and its pavements cover ground between two depths."""
        if self.junction is None:
            return False
        return z1 > self.junction - CORNER and z0 < self.junction + CROSSING + CORNER


def choose_setting(brush: Brush) -> Setting:
    """A kind of street."""
    return brush.weigh([setting for _, setting in _SETTINGS], (share for share, _ in _SETTINGS))


def plan_street(brush: Brush, setting: Setting) -> Street:
    """A street of this kind, around a camera that drives in one of its lanes."""
    ahead, oncoming = brush.pick(setting.lanes)
    lanes_left = int(brush.between(0, ahead))  # lanes to the camera's left with traffic in its direction
    aside = brush.between(-0.4, 0.4)
    lanes = [((k - lanes_left) * LANE + aside, 1) for k in range(ahead)]
    lanes += [(-(lanes_left + 1 + k) * LANE + aside, -1) for k in range(oncoming)]
    parking = {side: brush.chance(setting.parking) for side in (-1, 1)}
    xs = [x for x, _ in lanes]
    kerb = {-1: -min(xs) + LANE / 2 + 0.3, 1: max(xs) + LANE / 2 + 0.3}
    kerb = {side: kerb[side] + PARKING * parking[side] for side in (-1, 1)}
    verge = {side: brush.between(0.9, 2.0) if brush.chance(setting.verge) else 0.0 for side in (-1, 1)}
    walk = {side: kerb[side] + verge[side] + brush.within(setting.walk) for side in (-1, 1)}
    junction = brush.between(12.0, 24.0) if brush.chance(0.35) else None
    zebra = brush.between(8.0, 20.0) if junction is None and brush.chance(0.25) else None
    if junction is not None and brush.chance(0.6):
        zebra = junction - 4.5
    return Street(
        lanes=tuple(lanes),
        kerb=kerb,
        parking=parking,
        verge=verge,
        walk=walk,
        front={side: walk[side] + brush.within(setting.setback) for side in (-1, 1)},
        junction=junction,
        zebra=zebra,
        rails=brush.pick([x for x, way in lanes if way < 0]) if brush.chance(setting.trams) else None,
        green=brush.chance(setting.green),
    )
