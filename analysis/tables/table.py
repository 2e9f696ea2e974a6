"""A table as it is written: cells with their numbers behind them, and footnotes shared by the rows they hold for."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from analysis.seeds.statistics import Interval

NOTHING = "–"


@dataclass(frozen=True)
class Column:
    """A column: what stands above it, and the names under which its cells' numbers go into CSV."""

    heading: str
    key: str
    parts: tuple[str, ...] = ("",)  # of each number of a cell; "" where there is one, called as the column
    numeric: bool = True


@dataclass(frozen=True)
class Cell:
    """What is shown, and the unrounded numbers (or the text) behind it, one for each of the column's parts."""

    text: str
    values: tuple[float | str, ...]
    marks: tuple[int, ...] = ()  # numbers of footnotes


@dataclass(frozen=True)
class Sheet:
    """A finished table, for any of the formats."""

    caption: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    notes: tuple[str, ...]  # the first is number 1


class Footnotes:
    """Numbers notes in the order in which they first occur; equal ones share a number."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def mark(self, notes: Iterable[str]) -> tuple[int, ...]:
        """The numbers of these notes."""
        return tuple(sorted({self._numbers.setdefault(note, len(self._numbers) + 1) for note in notes}))

    @property
    def texts(self) -> tuple[str, ...]:
        """All notes, by number."""
        return tuple(self._numbers)


def text_cell(text: str, marks: Sequence[int] = ()) -> Cell:
    """A cell without a number."""
    return Cell(text, (text,), tuple(marks))


def joined(sheets: Mapping[str, Sheet], heading: str) -> Sheet:
    """Sheets of the same columns as one, with their names in a column before."""
    footnotes = Footnotes()
    rows = [
        (text_cell(name), *(replace(c, marks=footnotes.mark(sheet.notes[m - 1] for m in c.marks)) for c in row))
        for name, sheet in sheets.items()
        for row in sheet.rows
    ]
    first = next(iter(sheets.values()))
    columns = (Column(heading, heading, numeric=False), *first.columns)
    return Sheet(first.caption, columns, tuple(rows), footnotes.texts)


def show(value: float, percent: bool = True, sign: bool = False) -> str:
    """A number as tables show it: two decimals in percent, three digits of a loss; a dash for none."""
    if math.isnan(value):
        return NOTHING
    return format(value, f"{'+' if sign else ''}{'.2f' if percent else '.3g'}")


def show_interval(interval: Interval, percent: bool = True, sign: bool = False) -> str:
    """The bounds in brackets."""
    return f"[{show(interval.low, percent, sign)}, {show(interval.high, percent, sign)}]"
