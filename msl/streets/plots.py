"""The things on the plots along a street: buildings, gardens and parks, with their walls, fences and hedges."""

from collections.abc import Callable, Iterator
from functools import partial

from msl.streets.brush import Brush
from msl.streets.buildings import Plot, draw_building, draw_fence, draw_wall
from msl.streets.plan import CORNER, CROSSING, Setting, Street
from msl.streets.plants import draw_bush, draw_hedge, draw_tree
from msl.streets.things import BARE, PLANTS_END, Thing, in_view, rate

_END = 65.0  # m, depth where plots end


def things_on_plots(brush: Brush, setting: Setting, street: Street) -> Iterator[Thing]:
    """Buildings, walls, fences, hedges and parks along both sides."""
    for side in (-1, 1):
        z = brush.between(-6.0, 4.0)
        while z < _END:
            kind = brush.weigh(list(setting.plots), setting.plots.values())
            z1 = z + brush.between(9.0, 20.0)
            corner = street.junction is not None and street.crosses(z, z1)
            if corner:
                z1 = (street.junction or 0.0) - CORNER
            if z1 - z > 4.0:
                plot = Plot(side=side, front=street.front[side], z0=z, z1=z1)
                if plot.is_visible(brush.canvas.camera) or brush.light.casts:
                    yield from _PLOTS[kind](brush, setting, plot)
            z = z1 + (CROSSING + 2 * CORNER if corner else 0.0)


def _block(brush: Brush, setting: Setting, plot: Plot) -> Iterator[Thing]:
    draw = partial(
        draw_building,
        plot=plot,
        height=brush.within(setting.height),
        deep=brush.between(9.0, 16.0),
        shop=brush.chance(setting.shops),
        pitched=brush.chance(0.4),
    )
    yield Thing(plot.z1, draw)


def _house(brush: Brush, setting: Setting, plot: Plot) -> Iterator[Thing]:
    """A house behind a garden, with a fence, a wall, a hedge or nothing along the street."""
    inset, setback = brush.between(1.0, 3.0), brush.between(1.5, 5.0)
    house = Plot(side=plot.side, front=plot.front + setback, z0=plot.z0 + inset, z1=plot.z1 - inset)
    height, deep = brush.between(3.0, 6.5), brush.between(7.0, 10.0)
    yield Thing(plot.z1 + 0.2, partial(draw_building, plot=house, height=height, deep=deep, pitched=True))
    yield from _greenery(brush, plot, setback, trees=0.5)
    border = brush.pick((draw_fence, draw_wall, draw_hedge, None))
    if border is not None:
        yield Thing(plot.z1, partial(border, plot=plot))


def _greenery(brush: Brush, plot: Plot, deep: float, *, trees: float) -> Iterator[Thing]:
    """Bushes and trees on the ground behind a plot's front, about `deep` metres behind it."""
    for _ in range(2):
        yield from _plant(brush, plot, deep, draw_bush)
        if brush.chance(trees * rate(brush, "tree")):
            bare = brush.chance(BARE * rate(brush, "bare"))
            yield from _plant(brush, plot, deep + 2.0, partial(draw_tree, bare=bare))


def _plant(brush: Brush, plot: Plot, deep: float, draw: Callable[..., None]) -> Iterator[Thing]:
    x = plot.side * (plot.front + brush.between(1.0, max(1.5, deep)))
    z = brush.between(plot.z0, plot.z1)
    if z < PLANTS_END and in_view(brush, x, z):
        # Sorted just behind the plot's border, which is sorted at the plot's far end.
        yield Thing(plot.z1 + 0.002 * (z - plot.z0), partial(draw, x=x, z=z))


def _park(brush: Brush, setting: Setting, plot: Plot) -> Iterator[Thing]:
    yield from _greenery(brush, plot, 10.0, trees=0.8)


def _closed(border: Callable[..., None]) -> Callable[[Brush, Setting, Plot], Iterator[Thing]]:
    """Ground with trees behind a wall, a fence or a hedge."""

    def things(brush: Brush, setting: Setting, plot: Plot) -> Iterator[Thing]:
        yield from _greenery(brush, plot, 8.0, trees=0.6)
        yield Thing(plot.z1, partial(border, plot=plot))

    return things


_PLOTS: dict[str, Callable[[Brush, Setting, Plot], Iterator[Thing]]] = {
    "block": _block,
    "house": _house,
    "wall": _closed(draw_wall),
    "fence": _closed(draw_fence),
    "hedge": _closed(draw_hedge),
    "park": _park,
}
