"""A table: cells with the numbers behind them, and footnotes that several rows may share."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from msl import schema

NOTHING = "–"
_LONG = 1e6  # a number in percent that is longer than this is no score; 1e308 has 309 digits
ID_DIGITS = 8  # of a run's ID or a commit; MLflow's pages find a run by them


@dataclass(frozen=True)
class Column:
    """A column: its heading, and the names that its numbers have in CSV."""

    heading: str
    key: str
    parts: tuple[str, ...] = ("",)  # of the numbers of a cell; "" is named as the column
    numeric: bool = True


@dataclass(frozen=True)
class Cell:
    """The text that is shown, and the unrounded numbers (or the text) behind it, one for each part of the column."""

    text: str
    values: tuple[float | str, ...]
    marks: tuple[int, ...] = ()  # numbers of footnotes


@dataclass(frozen=True)
class Table:
    """A finished table, for any of the formats."""

    caption: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    notes: tuple[str, ...]  # the first is number 1


class Footnotes:
    """Numbers notes in the order in which they first occur; equal notes share a number."""

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


def name_cell(short: str, name: str, marks: Sequence[int] = ()) -> Cell:
    """A cell that shows a short name, with the whole name behind it."""
    return Cell(short, (name,), tuple(marks))


def joined(tables: Mapping[str, Table], heading: str) -> Table:
    """Tables of the same columns as one table; a new first column says which table a row is from."""
    footnotes = Footnotes()
    rows = [
        (text_cell(name), *(replace(c, marks=footnotes.mark(table.notes[m - 1] for m in c.marks)) for c in row))
        for name, table in tables.items()
        for row in table.rows
    ]
    first = next(iter(tables.values()))
    columns = (Column(heading, heading, numeric=False), *first.columns)
    return Table(first.caption, columns, tuple(rows), footnotes.texts)


def number_text(value: float, unit: str = "", sign: bool = False, decimals: int = 2) -> str:
    """A number as tables show it: with decimals in percent, otherwise three significant digits; a dash for NaN."""
    if math.isnan(value):
        return NOTHING
    is_fixed = unit == schema.PERCENT and abs(value) < _LONG
    return format(value, f"{'+' if sign else ''}{f'.{decimals}f' if is_fixed else '.3g'}")


def interval_text(low: float, high: float, unit: str = "", sign: bool = False) -> str:
    """The bounds of an interval in brackets."""
    return f"[{number_text(low, unit, sign)}, {number_text(high, unit, sign)}]"
