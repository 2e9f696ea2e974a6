"""Histories column by column: names become numbers, so that millions of rows stay small until the frame is made."""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from msl import schema

HISTORY = ["run_id", "metric", "step", "value", "timestamp"]

_LATEST_MS = 253_402_300_799_999  # the end of the year 9999, the last that calendars of Python know

_ROWS_OF_WHOLE_RUNS = 100_000  # in memory, or those of one run

Integers = NDArray[np.int64]
Codes = NDArray[np.int32]


class Numbering(dict[str, int]):
    """The number of each name, in the order in which the names first occur."""

    def __missing__(self, name: str) -> int:
        self[name] = place = len(self)
        return place

    def of(self, names: Sequence[str]) -> Codes:
        """Numbers of many names."""
        return np.fromiter(map(self.__getitem__, names), np.int32, len(names))

    def in_order(self) -> tuple["pd.Index[str]", Codes]:
        """The names sorted, and for each number its place among them."""
        names = pd.Index(list(self), dtype=None if self else object)
        order = names.argsort()
        rank = np.empty(len(self), np.int32)
        rank[order] = np.arange(len(self), dtype=np.int32)
        return names[order], rank


class Rows(NamedTuple):
    """Logged values; every array (N,)."""

    run: Codes
    metric: Codes
    step: Integers
    value: NDArray[np.float64]
    timestamp: Integers  # milliseconds, UTC

    def where(self, chosen: NDArray[np.bool_] | Integers) -> "Rows":
        """The rows that a mask or an order of indices chooses."""
        return Rows._make(column[chosen] for column in self)

    @classmethod
    def joined(cls, parts: Sequence["Rows"]) -> "Rows":
        """All parts, one after another."""
        codes, numbers = np.empty(0, np.int32), np.empty(0, np.int64)
        none = cls(codes, codes, numbers, np.empty(0), numbers)
        return cls(*map(np.concatenate, zip(none, *parts, strict=True)))


@dataclass
class Codebook:
    """The names behind the numbers in `Rows`."""

    runs: Numbering = field(default_factory=Numbering)
    metrics: Numbering = field(default_factory=Numbering)


def with_infinities(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The same array, with ±inf in place of the largest double, which MLflow stores and its server sends for them."""
    values[values >= sys.float_info.max] = np.inf
    values[values <= -sys.float_info.max] = -np.inf
    return values


def in_milliseconds(times: Integers) -> Integers:
    """Times since 1970; those that others logged in micro- or nanoseconds are past the year 9999 as milliseconds."""
    while (late := np.abs(times) > _LATEST_MS).any():
        times = np.where(late, times // 1000, times)
    return times


def as_times(milliseconds: "pd.Series[int]") -> "pd.Series[pd.Timestamp]":
    """Times of runs, some of which may be missing."""
    numbers = pd.to_numeric(milliseconds, errors="coerce").astype("Int64")
    whole = in_milliseconds(np.asarray(numbers.fillna(0), np.int64))
    times = pd.Series(pd.DatetimeIndex(whole.view("datetime64[ms]"), tz="UTC"), index=milliseconds.index)
    return times.where(numbers.notna().to_numpy(bool))


def whole_runs(portions: Iterator[Rows]) -> Iterator[Rows]:
    """The same rows in larger portions, none of which ends within a run; the rows of a run follow each other."""
    waiting: list[Rows] = []
    for portion in portions:
        waiting.append(portion)
        last_run = portion.run[-1]
        if sum(len(rows.run) for rows in waiting) >= _ROWS_OF_WHOLE_RUNS and waiting[0].run[0] != last_run:
            rows = Rows.joined(waiting)
            is_last = rows.run == last_run
            yield rows.where(~is_last)
            waiting = [rows.where(is_last)]
    if waiting:
        yield Rows.joined(waiting)


def in_order(rows: Rows, codebook: Codebook) -> Rows:
    """Sorted by run, metric (both as text), step, timestamp and value."""
    runs, metrics = codebook.runs.in_order()[1].astype(np.int64), codebook.metrics.in_order()[1]
    curve = runs[rows.run] * len(metrics) + metrics[rows.metric]
    keys = (rows.timestamp, rows.step, curve)
    order = np.lexsort(keys)
    same = np.logical_and.reduce([np.diff(key[order]) == 0 for key in keys])
    if same.any():  # rarely; sorting the values, which are in no order, takes longer than everything else
        order = np.lexsort((rows.value, *keys))
    return rows.where(order)


def without_superseded(rows: Rows, codebook: Codebook) -> Rows:
    """Drop the rows after the step that a run was later resumed from; `rows` are sorted by run."""
    resumes = rows.where(rows.metric == codebook.metrics.get(schema.ATTEMPT, -1))
    if not len(resumes.run):
        return rows
    starts = np.flatnonzero(np.diff(rows.run, prepend=-1))
    bounds = dict(zip(rows.run[starts].tolist(), zip(starts, [*starts[1:], len(rows.run)], strict=True), strict=True))
    is_current = np.ones(len(rows.run), np.bool_)
    for run, step, time in zip(resumes.run.tolist(), resumes.step, resumes.timestamp, strict=True):
        of_run = slice(*bounds[run])
        is_current[of_run] &= (rows.step[of_run] <= step) | (rows.timestamp[of_run] >= time)
    return rows.where(is_current)


def framed(rows: Rows, codebook: Codebook) -> pd.DataFrame:
    """The frame that users see: ``run_id metric step value timestamp``."""
    columns: dict[str, object] = {}
    for column, numbering, codes in (("run_id", codebook.runs, rows.run), ("metric", codebook.metrics, rows.metric)):
        names, rank = numbering.in_order()
        columns[column] = names.take(rank[codes].astype(np.intp))
    times = pd.DatetimeIndex(in_milliseconds(rows.timestamp).view("datetime64[ms]"), tz="UTC")
    return pd.DataFrame({**columns, "step": rows.step, "value": rows.value, "timestamp": times}, copy=False)
