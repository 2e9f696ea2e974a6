"""The look of every figure: one palette and one set of sizes, for paper and page."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

from analysis.figures.fonts import families

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LineStyle = Literal["solid", "dashed", "dotted", "dashdot"]

# Okabe and Ito's colours, which people with any colour vision can tell apart; without yellow, too light for lines.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000")
DASHES = ("", "6 3", "2 2", "8 3 2 3")  # the next ones when all colours are used
_MATPLOTLIB_DASHES: Mapping[str, LineStyle] = {"": "solid", "6 3": "dashed", "2 2": "dotted", "8 3 2 3": "dashdot"}

# Inches and points; text can still be read at half the size.
WIDTH, HEIGHT = 6.0, 4.0
_SETTINGS: Mapping[str, Any] = {
    "font.size": 14,
    "axes.titlesize": 15,
    "axes.labelsize": 14,
    "xtick.labelsize": 13,
    "ytick.labelsize": 13,
    "legend.fontsize": 13,
    "legend.frameon": False,
    "lines.linewidth": 2.2,
    "lines.markersize": 6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#dddddd",
    "grid.linewidth": 0.8,
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
    "svg.hashsalt": "msl",  # the same figure is always the same file
    "text.parse_math": False,  # a dollar sign in a name is a dollar sign
}


def colour(place: int) -> str:
    """Colour of the group at that place in the legend."""
    return COLOURS[place % len(COLOURS)]


def dash(place: int) -> str:
    """Dashes of its line, as SVG writes them; "" is solid."""
    return DASHES[place // len(COLOURS) % len(DASHES)]


def line_style(place: int) -> LineStyle:
    """Dashes of its line, as matplotlib names them."""
    return _MATPLOTLIB_DASHES[dash(place)]


@contextmanager
def styled(texts: Iterable[str] = ()) -> Iterator[None]:
    """Within this block, figures have the common look, with fonts for these texts."""
    import matplotlib as mpl

    with mpl.rc_context(cast(Any, {**_SETTINGS, "font.family": families(texts)})):
        yield


def save(figure: "Figure", path: Path) -> list[Path]:
    """Write a figure as SVG and as PNG, under the name of `path` with these endings; the two files."""
    path.parent.mkdir(parents=True, exist_ok=True)
    files = [path.with_suffix(suffix) for suffix in (".svg", ".png")]
    for file, metadata in zip(files, ({"Date": None}, {"Software": None}), strict=True):
        with styled():
            figure.savefig(file, dpi=150, bbox_inches="tight", metadata=metadata)
    return files
