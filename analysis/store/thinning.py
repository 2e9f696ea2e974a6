"""Long curves made short without losing their extremes.

A curve of more than `max_points` rows is cut into stretches of equally many steps, at most max_points / 2 of them; of
each the rows with the lowest and the highest value stay, of equal values the first, and one NaN where all are NaN. A
plot of that many columns can show no more of a curve (Jugel et al., M4, VLDB 2014).

This is done here and not by the database, which would read every row several times to find the stretches: no query that
SQLite knows takes less than reading the rows once and sorting those of the long curves here.
"""

import numpy as np
from numpy.typing import NDArray

from analysis.store.columns import Rows


def thinned(rows: Rows, max_points: int) -> Rows:
    """The rows that stay of whole curves, in no order."""
    if not len(rows.run):
        return rows
    is_long = _lengths(rows) > max_points
    if not is_long.any():
        return rows
    return Rows.joined([rows.where(~is_long), _extremes(rows.where(is_long), max_points)])


def _lengths(rows: Rows) -> NDArray[np.intp]:
    """For each row the number of rows of its curve."""
    first_run, metrics = int(rows.run.min()), int(rows.metric.max()) + 1
    curve = (rows.run.astype(np.int64) - first_run) * metrics + rows.metric
    lengths = np.bincount(curve)
    return np.asarray(lengths[curve], np.intp)


def _extremes(rows: Rows, max_points: int) -> Rows:
    """Of each stretch of each curve the lowest and the highest row."""
    rows = rows.where(np.lexsort((rows.timestamp, rows.step, rows.metric, rows.run)))
    starts = _starts(rows.run, rows.metric)
    lengths = np.diff(starts, append=len(rows.run))
    first, last = rows.step[starts], rows.step[starts + lengths - 1]
    width = (last - first) // (max_points // 2) + 1
    curve = np.repeat(np.arange(len(starts)), lengths)
    stretch = (rows.step - first[curve]) // width[curve]
    low = np.lexsort((rows.value, stretch, curve))  # stable, and NaN comes last
    high = np.lexsort((-rows.value, stretch, curve))
    bounds = _starts(curve, stretch)  # the same in every order: sorting moves no row out of its stretch
    stays = np.zeros(len(rows.run), np.bool_)
    stays[low[bounds]] = stays[high[bounds]] = True
    return rows.where(stays)


def _starts(*keys: np.ndarray[tuple[int], np.dtype[np.integer]]) -> np.ndarray[tuple[int], np.dtype[np.intp]]:
    """Where in sorted rows any of the keys changes."""
    changed = np.logical_or.reduce([np.diff(key, prepend=key[0] - 1) != 0 for key in keys])
    return np.flatnonzero(changed)
