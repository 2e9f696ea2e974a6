"""PostgreSQL, asked for curves and not for rows: as arrays in its binary form, of which no Python object is made."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import psycopg
import sqlalchemy as sa
from numpy.typing import NDArray
from psycopg.abc import Buffer
from psycopg.adapt import Loader
from psycopg.pq import Format

from analysis.store.columns import Labels, Rows, with_infinities
from analysis.store.database import METRICS, DatabaseStore, Query, live_runs, parts

_CURVES = 256  # fetched at once
_HEADER = 20  # bytes before an array's elements: dimensions, flags, type, length, lower bound


class PostgresqlStore(DatabaseStore):
    """MLflow's tables in PostgreSQL."""

    def __init__(self, uri: str) -> None:
        super().__init__(uri)
        sa.event.listen(self._engine, "connect", _read_binary)

    def rows(self, run_ids: Sequence[str], metrics: Sequence[str] | None, labels: Labels) -> Iterator[Rows]:
        """Every row of these runs as it was logged, the superseded too, in portions and in no order."""
        for part in parts(run_ids):
            with self._portions(_curves(part, metrics), _CURVES) as portions:
                for runs, keys, steps, times, values in portions:
                    lengths = [len(own) for own in steps]
                    yield Rows(
                        np.repeat(labels.runs.of(runs), lengths),
                        np.repeat(labels.metrics.of(keys), lengths),
                        np.concatenate(steps),
                        with_infinities(np.concatenate(values)),
                        np.concatenate(times),
                    )


def _curves(run_ids: Sequence[str], metrics: Sequence[str] | None) -> Query:
    """A row a curve: run, metric, and its steps, timestamps and values. Run by run, which needs no large sort."""
    runs = live_runs(run_ids).subquery("live")
    value = sa.case((METRICS.c.is_nan, sa.cast(sa.literal("NaN"), sa.Double)), else_=METRICS.c.value)
    arrays = (sa.func.array_agg(column) for column in (METRICS.c.step, METRICS.c.timestamp, value))
    own = sa.select(METRICS.c.key, *arrays).where(METRICS.c.run_uuid == runs.c.run_uuid).group_by(METRICS.c.key)
    if metrics is not None:
        own = own.where(METRICS.c.key.in_(metrics))
    curves = own.lateral("curves")
    return sa.select(runs.c.run_uuid, *curves.c).select_from(runs.join(curves, sa.true()))


class _BinaryCursor(psycopg.ServerCursor[Any]):
    """Asks for binary results, as psycopg's own does when told so at each query."""

    def __init__(self, *arguments: Any, **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        self.format = Format.BINARY


class _Integers(Loader):
    """An array of bigint, none of them NULL."""

    format = Format.BINARY

    def load(self, data: Buffer) -> NDArray[np.int64]:
        return _elements(data, ">i8").astype(np.int64)


class _Doubles(Loader):
    """An array of double precision, none of them NULL."""

    format = Format.BINARY

    def load(self, data: Buffer) -> NDArray[np.float64]:
        return _elements(data, ">f8").astype(np.float64)


def _elements(data: Buffer, kind: str) -> NDArray[Any]:
    """Each stands behind its size in bytes."""
    return np.frombuffer(data, [("size", ">i4"), ("element", kind)], offset=_HEADER)["element"]


def _read_binary(connection: "psycopg.Connection[Any]", _: object) -> None:
    """What SQLAlchemy calls with each new connection."""
    connection.server_cursor_factory = _BinaryCursor
    for element, loader in (("int8", _Integers), ("float8", _Doubles)):
        connection.adapters.register_loader(psycopg.adapters.types[element].array_oid, loader)
