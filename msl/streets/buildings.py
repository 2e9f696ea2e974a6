"""Buildings, walls and fences along a street, and the town at the street's end."""

from dataclasses import dataclass

from msl.streets.brush import Brush, tone
from msl.streets.canvas import Camera, Colour, Facade, Line
from msl.streets.finishes import ROWS

_POSTS = 2.5  # m, from one post of a fence to the next
_THICK, _COPING = 0.4, 0.12  # m, a wall's thickness and the height of its coping
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

    def is_visible(self, camera: Camera) -> bool:
        """Whether the plot's front is in the image; the far end is the end nearest to the image's middle."""
        u = camera.u(self.x, self.z1)
        return u < camera.width if self.side > 0 else u > 0


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


def _face(brush: Brush, wall: tuple[Colour, int], facade: Facade, foot: Line, lit: float) -> None:
    """One face of a building, with a whole number of windows along it."""
    canvas = brush.canvas
    x0, z0, x1, z1 = foot
    length = abs(x1 - x0) + abs(z1 - z0)
    canvas.facades.append(facade._replace(bay=length / max(1, round(length / facade.bay))))
    colour, finish = wall
    row = len(canvas.facades) - 1
    number = canvas.upright("building", colour, foot, lit=lit, finish=finish, facade=row)
    canvas.erect(foot, 0.0, facade.top, number)


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
    if not plot.is_visible(canvas.camera):
        return
    if pitched:
        _draw_roof(brush, (x, back, z0, z1), height, wall)
    _face(brush, wall, facade, (x, z0, x, z1), light.on(-side, 0, 0))
    if plot.z0 > canvas.camera.near:
        _face(brush, wall, facade._replace(shop=0.0, base=facade.storey), (x, z0, back, z0), light.on(0, 0, -1))


def _draw_roof(brush: Brush, ground: Line, eaves: float, wall: tuple[Colour, int]) -> None:
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
    height = brush.between(1.8, 3.2)
    colour = brush.paint("stone")
    back, front = x + plot.side * _THICK, (x, z0, x, plot.z1)
    brush.cast(min(x, back), max(x, back), z0, plot.z1, height)
    long = canvas.upright("wall", colour, front, lit=brush.light.on(-plot.side, 0, 0), finish=ROWS["stone"])
    canvas.erect(front, 0.0, height, long)
    coping = canvas.upright("wall", tone(colour, 1.12), front, lit=0.9, finish=ROWS["plain"])
    canvas.erect(front, height, height + _COPING, coping)
    if plot.z0 > canvas.camera.near:
        end = (x, z0, back, z0)
        number = canvas.upright("wall", colour, end, lit=brush.light.on(0, 0, -1), finish=ROWS["stone"])
        canvas.erect(end, 0.0, height + _COPING, number)


def draw_fence(brush: Brush, plot: Plot) -> None:
    """Draw a fence along the front of a plot: bars, planks or wire with holes, rails and posts."""
    canvas, x = brush.canvas, plot.x
    z0, z1 = max(plot.z0, canvas.camera.near), plot.z1
    height = brush.between(1.4, 2.3)
    colour, lit = brush.paint("fence"), brush.light.on(-plot.side, 0, 0)
    kind = brush.pick(("railing", "planks", "planks", "mesh"))
    front = (x, z0, x, z1)
    number = canvas.upright("fence", colour, front, lit=lit, finish=ROWS[kind])
    canvas.veil(canvas.project([(x, 0.08, z0), (x, height, z0), (x, height, z1), (x, 0.08, z1)]), number)
    rail = canvas.upright("fence", colour, front, lit=lit, finish=ROWS["plain"])
    for low in (0.12, height - 0.1):
        canvas.erect(front, low, low + 0.1, rail)
    for k in range(int((z1 - z0) / _POSTS) + 1):
        z = z0 + _POSTS * k
        canvas.erect((x, z, x, z + 0.12), 0.0, height + 0.08, rail)


def draw_backdrop(brush: Brush, *, z: float, built: float) -> None:
    """Close the view at the street's end with a row of far buildings and woods; `built` is the buildings' share."""
    canvas = brush.canvas
    reach = 0.75 * canvas.camera.width / canvas.camera.focal * z
    centre = -canvas.camera.bend * z * z
    x = -reach
    while x < reach:
        width = brush.between(12.0, 30.0)
        if brush.chance(built):
            height = brush.between(6.0, 15.0)
            wall = brush.paint("plaster"), ROWS["plaster"]
            _face(brush, wall, _facade(brush, height, shop=False), (centre + x, z, centre + x + width, z), 0.5)
        else:
            stand = brush.stand(centre + x + width / 2, z)
            steps, mean = 12, brush.between(4.0, 9.0)
            heights = [mean + brush.between(-0.8, 0.8) for _ in range(steps + 1)]
            crest = [(-width * 0.6 + 1.2 * width * i / steps, h) for i, h in enumerate(heights)]
            wood = stand.face("vegetation", brush.paint("leaves"), "hedge")
            stand.polygon([(-width * 0.6, 0.0), *crest, (width * 0.6, 0.0)], wood)
        x += width
