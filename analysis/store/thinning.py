"""Long curves made short without losing their extremes: in the database, and here for the histories of a server.

A curve of more than `max_points` rows is cut into stretches of equally many steps, at most max_points / 2 of them; of
each the rows with the lowest and the highest value stay, of equal values the first, and one NaN where all are NaN. A
plot of that many columns can show no more of a curve (Jugel et al., M4, VLDB 2014).
"""

from typing import Any

import numpy as np
import sqlalchemy as sa

from analysis.store.columns import Rows


def as_logged(table: sa.FromClause) -> list[sa.ColumnElement[Any]]:
    """The columns of a table of metrics, with NULL for NaN, which MLflow stores as 0 with a flag ``is_nan``."""
    columns = table.c
    value = sa.case((columns["is_nan"], sa.null()), else_=columns["value"])
    return [columns[name] for name in ("run_uuid", "key", "step", "timestamp") if name in columns] + [value]


def thinned_query(rows: sa.Subquery, max_points: int) -> sa.Select[tuple[Any, ...]]:
    """Of ``run_uuid key step timestamp value is_nan``, the rows that stay, `as_logged`; for any database."""
    step = rows.c.step
    spans = (
        sa.select(
            rows.c.run_uuid,
            rows.c.key,
            sa.func.min(step, type_=sa.BigInteger).label("first"),
            sa.func.max(step, type_=sa.BigInteger).label("last"),
            sa.func.count().label("length"),
        )
        .group_by(rows.c.run_uuid, rows.c.key)
        .subquery("spans")
    )
    width = (spans.c.last - spans.c.first) // (max_points // 2) + 1
    curve = (rows.c.run_uuid, rows.c.key, (step - spans.c.first) // width)
    lowest = (rows.c.is_nan, rows.c.value, step, rows.c.timestamp)
    highest = (rows.c.is_nan, rows.c.value.desc(), step, rows.c.timestamp)
    ranked = (
        sa.select(
            *rows.c,
            spans.c.length,
            sa.func.row_number().over(partition_by=curve, order_by=lowest).label("from_below"),
            sa.func.row_number().over(partition_by=curve, order_by=highest).label("from_above"),
        )
        .join_from(rows, spans, (rows.c.run_uuid == spans.c.run_uuid) & (rows.c.key == spans.c.key))
        .subquery("ranked")
    )
    extreme = (ranked.c.from_below == 1) | (ranked.c.from_above == 1)
    return sa.select(*as_logged(ranked)).where((ranked.c.length <= max_points) | extreme)


def thinned(rows: Rows, max_points: int) -> Rows:
    """The same for rows in memory."""
    if not len(rows.run):
        return rows
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
    stays = (lengths <= max_points)[curve]
    stays[low[bounds]] = stays[high[bounds]] = True
    return rows.where(stays)


def _starts(*keys: np.ndarray[tuple[int], np.dtype[np.integer]]) -> np.ndarray[tuple[int], np.dtype[np.intp]]:
    """Where in sorted rows any of the keys changes."""
    changed = np.logical_or.reduce([np.diff(key, prepend=key[0] - 1) != 0 for key in keys])
    return np.flatnonzero(changed)
