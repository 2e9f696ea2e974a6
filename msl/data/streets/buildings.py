"""What lines a street: blocks, houses, walls, fences, and the town at the street's end."""

from dataclasses import dataclass

from msl.data.streets.brush import Brush
from msl.data.streets.canvas import Colour, Facade
from msl.data.streets.finishes import ROWS

_ROOF_RISE = (1.8, 3.6)  # m, eaves to ridge


@dataclass(frozen=True, kw_only=True)
class Plot:
    """A piece of ground beside the street."""

    side: int  # -1 left, 1 right
    front: float  # m from the camera's axis to its front
    z0: float  # m, where it begins
    z1: float  # m, where it ends

    @property
    def x(self) -> float:
        """The front's x in m."""
        return self.side * self.front


def _facade(brush: Brush, height: float, *, shop: bool) -> Facade:
    storey = brush.between(2.9, 3.6)
    base = brush.between(3.4, 4.4) if shop else storey
    return Facade(
        bay=brush.between(2.2, 4.2),
        storey=storey,
        base=base,
        window_width=brush.between(0.36, 0.72),
        window_height=brush.between(0.42, 0.62),
        shop=float(shop),
        top=height,
        seed=float(int(brush.between(0, 4096))),
        glass=brush.paint("glass"),
        frame=brush.paint("frame"),
        accent=brush.paint("accent"),
    )


def _face(
    brush: Brush, wall: tuple[Colour, int], facade: Facade, foot: tuple[float, float, float, float], lit: float
) -> None:
    """One face of a building, with a whole number of windows along it."""
    canvas = brush.canvas
    x0, z0, x1, z1 = foot
    length = abs(x1 - x0) + abs(z1 - z0)
    canvas.facades.append(facade._replace(bay=length / max(1, round(length / facade.bay))))
    colour, finish = wall
    row = len(canvas.facades) - 1
    number = canvas.upright("building", colour, foot, lit=lit, finish=finish, facade=row)
    top = facade.top
    canvas.fill(canvas.project([(x0, 0, z0), (x0, top, z0), (x1, top, z1), (x1, 0, z1)]), number)


def draw_building(
    brush: Brush, plot: Plot, *, height: float, deep: float, shop: bool = False, pitched: bool = False
) -> None:
    """Draw a building on a plot, its long face to the street and a narrow one to the camera."""
    canvas, light, side = brush.canvas, brush.light, plot.side
    z0, z1 = max(plot.z0, canvas.camera.near), plot.z1
    if z1 - z0 < 1.0:
        return
    x, back = plot.x, plot.x + side * deep
    material = "brick" if brush.chance(0.35) else "plaster"
    wall = brush.paint(material), ROWS[material]
    facade = _facade(brush, height, shop=shop)
    brush.cast(min(x, back), max(x, back), z0, z1, height)
    if pitched:
        _draw_roof(brush, (x, back, z0, z1), height, wall)
    _face(brush, wall, facade, (x, z0, x, z1), light.on(-side, 0, 0))
    if plot.z0 > canvas.camera.near:
        _face(brush, wall, facade._replace(shop=0.0, base=facade.storey), (x, z0, back, z0), light.on(0, 0, -1))


def _draw_roof(brush: Brush, ground: tuple[float, float, float, float], eaves: float, wall: tuple[Colour, int]) -> None:
    """A ridge roof along the street, the gable below it and perhaps a chimney on it."""
    canvas = brush.canvas
    x, back, z0, z1 = ground
    side = 1 if back > x else -1
    ridge, middle = eaves + brush.within(_ROOF_RISE), (x + back) / 2
    tiles = canvas.flat("building", brush.paint("roof"), (z0 + z1) / 2, lit=brush.light.on(-side * 0.6, 0.8, 0))
    overhang = x - side * 0.4
    if brush.chance(0.5):
        at = z0 + (z1 - z0) * brush.between(0.3, 0.8)
        chimney = canvas.flat("building", wall[0], at, lit=0.5)
        left, right = sorted((middle, middle + 0.9))
        outline = [(left, ridge - 0.8, at), (right, ridge - 0.8, at), (right, ridge + 1.1, at), (left, ridge + 1.1, at)]
        canvas.fill(canvas.project(outline), chimney)
    slope = [(overhang, eaves - 0.2, z0), (overhang, eaves - 0.2, z1), (middle, ridge, z1), (middle, ridge, z0)]
    canvas.fill(canvas.project(slope), tiles)
    gable = canvas.upright("building", wall[0], (x, z0, back, z0), lit=brush.light.on(0, 0, -1), finish=wall[1])
    canvas.fill(canvas.project([(x, eaves, z0), (middle, ridge, z0), (back, eaves, z0)]), gable)


def draw_wall(brush: Brush, plot: Plot) -> None:
    """Draw a wall along the front of a plot, with its coping and its end."""
    canvas, x = brush.canvas, plot.x
    z0 = max(plot.z0, canvas.camera.near)
    height = brush.between(1.3, 2.8)
    colour = brush.paint("stone")
    brush.cast(min(x, x + plot.side * 0.4), max(x, x + plot.side * 0.4), z0, plot.z1, height)
    long = canvas.upright(
        "wall", colour, (x, z0, x, plot.z1), lit=brush.light.on(-plot.side, 0, 0), finish=ROWS["stone"]
    )
    canvas.fill(canvas.project([(x, 0, z0), (x, height, z0), (x, height, plot.z1), (x, 0, plot.z1)]), long)
    cap = tuple(1.12 * c for c in colour)
    coping = canvas.upright("wall", (cap[0], cap[1], cap[2]), (x, z0, x, plot.z1), lit=0.9, finish=ROWS["plain"])
    top = height + 0.12
    canvas.fill(canvas.project([(x, height, z0), (x, top, z0), (x, top, plot.z1), (x, height, plot.z1)]), coping)
    if plot.z0 > canvas.camera.near:
        back = x + plot.side * 0.4
        end = canvas.upright("wall", colour, (x, z0, back, z0), lit=brush.light.on(0, 0, -1), finish=ROWS["stone"])
        canvas.fill(canvas.project([(x, 0, z0), (x, top, z0), (back, top, z0), (back, 0, z0)]), end)


def draw_fence(brush: Brush, plot: Plot) -> None:
    """Draw a fence along the front of a plot: bars, planks or wire that one sees through, rails and posts."""
    canvas, x = brush.canvas, plot.x
    z0, z1 = max(plot.z0, canvas.camera.near), plot.z1
    height = brush.between(1.0, 1.9)
    colour, lit = brush.paint("fence"), brush.light.on(-plot.side, 0, 0)
    kind = brush.pick(("railing", "railing", "planks", "mesh"))
    number = canvas.upright("fence", colour, (x, z0, x, z1), lit=lit, finish=ROWS[kind])
    canvas.veil(canvas.project([(x, 0.08, z0), (x, height, z0), (x, height, z1), (x, 0.08, z1)]), number)
    rail = canvas.upright("fence", colour, (x, z0, x, z1), lit=lit, finish=ROWS["plain"])
    for low in (0.12, height - 0.1):
        canvas.fill(canvas.project([(x, low, z0), (x, low + 0.1, z0), (x, low + 0.1, z1), (x, low, z1)]), rail)
    z = z0
    while z < z1:
        post = brush.stand(x, z, lit=lit).face("fence", colour)
        brush.stand(x, z).rectangle(-0.06, 0.06, 0.0, height + 0.08, post)
        z += 2.5


def draw_backdrop(brush: Brush, *, z: float, built: float) -> None:
    """Close the view at the street's end with a row of far buildings and woods; `built` is the buildings' share."""
    canvas = brush.canvas
    reach = 0.75 * canvas.camera.width / canvas.camera.focal * z
    centre = -canvas.camera.bend * z * z
    x = -reach
    while x < reach:
        width = brush.between(14.0, 38.0)
        if brush.chance(built):
            height = brush.between(8.0, 26.0)
            wall = brush.paint("plaster"), ROWS["plaster"]
            _face(brush, wall, _facade(brush, height, shop=False), (centre + x, z, centre + x + width, z), 0.5)
        else:
            stand = brush.stand(centre + x + width / 2, z)
            steps = 9
            heights = [brush.between(6.0, 15.0) for _ in range(steps + 1)]
            crest = [(-width * 0.6 + 1.2 * width * i / steps, h) for i, h in enumerate(heights)]
            wood = stand.face("vegetation", brush.paint("leaves"), "hedge")
            stand.polygon([(-width * 0.6, 0.0), *crest, (width * 0.6, 0.0)], wood)
        x += width
