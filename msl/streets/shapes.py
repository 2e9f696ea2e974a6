"""Shapes of cars, trucks, buses and trams: profiles, and the windows and lamps on their sides and ends."""

from dataclasses import dataclass

Pair = tuple[float, float]
Decal = tuple[tuple[Pair, ...], str]  # a polygon on a side (share of length, of height), and its material


def _box(left: float, right: float, low: float, high: float, material: str) -> Decal:
    return ((left, low), (right, low), (right, high), (left, high)), material


def _row(
    left: float, right: float, low: float, high: float, count: int, gap: float, material: str
) -> tuple[Decal, ...]:
    """A row of equal windows, `gap` apart (as a share of a window's cell)."""
    cell = (right - left) / count
    return tuple(
        _box(left + cell * (i + gap / 2), left + cell * (i + 1 - gap / 2), low, high, material) for i in range(count)
    )


def _mirror(*decals: Decal) -> tuple[Decal, ...]:
    """The decals and their mirror images; on an end, positions are shares of half the width."""
    return decals + tuple((tuple((-x, y) for x, y in points), material) for points, material in decals)


@dataclass(frozen=True, kw_only=True)
class Hull:
    """A profile, as shares of a vehicle's length and height, from the rear's foot over the top to the front's foot.

    An edge of the profile becomes a panel across the vehicle; the profile itself becomes its two sides.
    """

    profile: tuple[Pair, ...]
    panels: tuple[str, ...]  # material of each edge, one fewer than points
    side: tuple[Decal, ...] = ()  # shares of length and height
    rear: tuple[Decal, ...] = ()  # shares of half the width and of the height
    front: tuple[Decal, ...] = ()
    shoulder: float = 1.0  # share of the height above which the sides lean in
    taper: float = 1.0  # width at the top, as a share
    side_material: str = "body"


@dataclass(frozen=True, kw_only=True)
class Shape:
    """A kind of vehicle."""

    label: str
    paint: str  # the palette's entry for the body
    size: tuple[float, float, float]  # m: length, width, height
    hulls: tuple[Hull, ...]
    wheels: tuple[float, ...] = ()  # shares of the length
    radius: float = 0.32  # m, of a wheel


_LAMPS_REAR = _mirror(_box(0.62, 0.95, 0.42, 0.55, "tail light"))
_LAMPS_FRONT = _mirror(_box(0.55, 0.95, 0.38, 0.50, "head light"))
_PLATE = _box(-0.27, 0.27, 0.30, 0.38, "plate")
_BUMPER = _box(-1.0, 1.0, 0.13, 0.24, "dark")
_TYRES_END = _mirror(_box(0.70, 0.98, 0.0, 0.2, "tyre"))
_GRILLE = _box(-0.5, 0.5, 0.26, 0.40, "dark")


def _car(size: tuple[float, float, float], cabin: tuple[float, float, float, float], boot: float) -> Shape:
    """A car whose roof line runs through four points along its length: window's foot, roof, roof, windscreen's foot."""
    rear_foot, rear_top, front_top, front_foot = cabin
    middle = (rear_top + front_top) / 2
    hull = Hull(
        profile=(
            (0.0, 0.16),
            (0.0, 0.5),
            (0.02, boot),
            (rear_foot, boot + 0.03),
            (rear_top, 0.98),
            (middle, 1.0),
            (front_top, 0.97),
            (front_foot, 0.62),
            (0.96, 0.5),
            (1.0, 0.4),
            (1.0, 0.16),
        ),
        panels=("body", "body", "body", "window", "body", "body", "window", "body", "body", "body"),
        side=(
            (
                (
                    (rear_foot + 0.05, 0.65),
                    (rear_top + 0.03, 0.92),
                    (middle - 0.012, 0.93),
                    (middle - 0.012, 0.64),
                ),
                "window",
            ),
            (
                (
                    (middle + 0.012, 0.64),
                    (middle + 0.012, 0.93),
                    (front_top - 0.015, 0.91),
                    (front_foot - 0.045, 0.63),
                ),
                "window",
            ),
            _box(0.0, 1.0, 0.16, 0.24, "dark"),
        ),
        rear=(*_LAMPS_REAR, _PLATE, _BUMPER, *_TYRES_END),
        front=(*_LAMPS_FRONT, _GRILLE, _BUMPER, *_TYRES_END),
        shoulder=0.6,
        taper=0.78,
    )
    return Shape(label="car", paint="car", size=size, hulls=(hull,), wheels=(0.19, 0.81))


_TRUCK_REAR = (
    _box(-0.015, 0.015, 0.30, 0.97, "dark"),
    _box(-1.0, 1.0, 0.20, 0.27, "dark"),
    *_mirror(_box(0.70, 0.95, 0.21, 0.26, "tail light"), _box(0.55, 0.98, 0.0, 0.2, "tyre")),
)
_CAB_FRONT = (
    _box(-0.9, 0.9, 0.50, 0.72, "window"),
    _box(-0.7, 0.7, 0.26, 0.40, "dark"),
    *_mirror(_box(0.62, 0.95, 0.20, 0.28, "head light"), _box(0.62, 0.98, 0.0, 0.12, "tyre")),
)
_CAB = Hull(
    profile=((0.76, 0.12), (0.76, 0.80), (0.95, 0.80), (0.985, 0.5), (1.0, 0.42), (1.0, 0.12)),
    panels=("cab", "cab", "window", "cab", "cab"),
    side=(((((0.84, 0.5), (0.84, 0.74), (0.94, 0.74), (0.972, 0.5)), "window")),),
    front=_CAB_FRONT,
    side_material="cab",
)
_CHASSIS = Hull(
    profile=((0.02, 0.14), (0.02, 0.25), (0.8, 0.25), (0.8, 0.14)),
    panels=("dark", "dark", "dark"),
    side_material="dark",
)


_BUS = Hull(
    profile=((0.0, 0.1), (0.0, 0.95), (0.02, 1.0), (0.98, 1.0), (1.0, 0.92), (1.0, 0.1)),
    panels=("body", "body", "roof", "body", "body"),
    side=(
        _box(0.02, 0.99, 0.46, 0.84, "dark"),
        *_row(0.02, 0.90, 0.48, 0.82, 7, 0.10, "window"),
        _box(0.905, 0.965, 0.14, 0.82, "window"),
        _box(0.50, 0.57, 0.14, 0.82, "window"),
        _box(0.0, 1.0, 0.1, 0.14, "dark"),
    ),
    rear=(
        _box(-0.82, 0.82, 0.55, 0.86, "window"),
        _box(-0.7, 0.7, 0.16, 0.34, "dark"),
        *_mirror(_box(0.78, 0.95, 0.22, 0.46, "tail light"), _box(0.62, 0.98, 0.0, 0.12, "tyre")),
    ),
    front=(
        _box(-0.92, 0.92, 0.36, 0.82, "window"),
        _box(-0.6, 0.6, 0.85, 0.95, "display"),
        *_mirror(_box(0.62, 0.92, 0.17, 0.25, "head light"), _box(0.68, 0.98, 0.0, 0.12, "tyre")),
        _box(-0.2, 0.2, 0.14, 0.19, "plate"),
    ),
)


def _tram_section(start: float, end: float, *, nose: bool, tail: bool) -> Hull:
    """A section of a tram; the first and the last end in a sloping cab."""
    rear: tuple[Pair, ...] = (
        ((start, 0.06), (start, 0.4), (start + 0.035, 0.93)) if tail else ((start, 0.06), (start, 0.93))
    )
    front: tuple[Pair, ...] = ((end - 0.035, 0.93), (end, 0.4), (end, 0.06)) if nose else ((end, 0.93), (end, 0.06))
    trim = _box(-1.0, 1.0, 0.06, 0.3, "trim")
    rear_panels = ("body", "window") if tail else ("dark",)
    front_panels = ("window", "body") if nose else ("dark",)
    low, high = start + (0.045 if tail else 0.006), end - (0.045 if nose else 0.006)
    return Hull(
        profile=rear + front,
        panels=(*rear_panels, "roof", *front_panels),
        side=(
            _box(start, end, 0.06, 0.30, "trim"),
            _box(low, high, 0.46, 0.80, "dark"),
            *_row(low, high, 0.47, 0.79, 4, 0.08, "window"),
            _box((low + high) / 2 - 0.02, (low + high) / 2 + 0.02, 0.12, 0.79, "window"),
        ),
        rear=(*_mirror(_box(0.6, 0.9, 0.3, 0.36, "tail light")), trim) if tail else (),
        front=(*_mirror(_box(0.6, 0.9, 0.3, 0.36, "head light")), trim) if nose else (),
        taper=0.94,
        shoulder=0.8,
    )


def _bellows(start: float, end: float) -> Hull:
    """The bellows between two sections of a tram."""
    profile = ((start, 0.1), (start, 0.9), (end, 0.9), (end, 0.1))
    return Hull(profile=profile, panels=("dark", "dark", "dark"), side_material="dark")


SHAPES: dict[str, Shape] = {
    "saloon": _car((4.6, 1.80, 1.45), (0.15, 0.29, 0.56, 0.73), 0.62),
    "hatchback": _car((4.0, 1.75, 1.50), (0.04, 0.16, 0.55, 0.74), 0.60),
    "estate": _car((4.7, 1.82, 1.52), (0.03, 0.10, 0.57, 0.74), 0.60),
    "off-roader": _car((4.6, 1.90, 1.75), (0.03, 0.09, 0.60, 0.73), 0.62),
    "van": _car((5.0, 1.95, 2.15), (0.01, 0.04, 0.72, 0.86), 0.55),
    "truck": Shape(
        label="truck",
        paint="truck",
        size=(8.0, 2.5, 3.5),
        wheels=(0.16, 0.28, 0.88),
        radius=0.48,
        hulls=(
            _CHASSIS,
            Hull(
                profile=((0.0, 0.25), (0.0, 1.0), (0.74, 1.0), (0.74, 0.25)),
                panels=("body", "roof", "body"),
                side=(_box(0.05, 0.70, 0.5, 0.78, "accent"),),
                rear=_TRUCK_REAR,
            ),
            _CAB,
        ),
    ),
    "tipper": Shape(
        label="truck",
        paint="truck",
        size=(7.0, 2.5, 3.1),
        wheels=(0.16, 0.30, 0.88),
        radius=0.5,
        hulls=(
            _CHASSIS,
            Hull(
                profile=((0.0, 0.27), (0.0, 0.72), (0.74, 0.78), (0.74, 0.27)),
                panels=("body", "dark", "body"),
                side=_row(0.0, 0.74, 0.29, 0.71, 5, 0.85, "dark"),
                rear=_TRUCK_REAR[1:],
            ),
            _CAB,
        ),
    ),
    "bus": Shape(label="bus", paint="bus", size=(11.5, 2.55, 3.1), wheels=(0.24, 0.76), radius=0.5, hulls=(_BUS,)),
    "tram": Shape(
        label="train",
        paint="tram",
        size=(27.0, 2.5, 3.5),
        hulls=(
            _tram_section(0.0, 0.36, nose=False, tail=True),
            _bellows(0.36, 0.37),
            _tram_section(0.37, 0.63, nose=False, tail=False),
            _bellows(0.63, 0.64),
            _tram_section(0.64, 1.0, nose=True, tail=False),
        ),
    ),
}
CARS = ("saloon", "hatchback", "estate", "off-roader", "van")
