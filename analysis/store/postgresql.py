"""PostgreSQL, which sends curves and not rows: as binary arrays, without a Python object for each number."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import psycopg
import sqlalchemy as sa
from numpy.typing import NDArray
from psycopg.abc import Buffer
from psycopg.adapt import Loader
from psycopg.pq import Format

from analysis.store.columns import Codebook, Rows, with_infinities
from analysis.store.database import METRICS, DatabaseStore, Query, live_runs, parts

_CURVES_A_PORTION = 256  # fetched at once
_HEADER = 20  # bytes before an array's elements: dimensions, flags, type, length, lower bound


class PostgresqlStore(DatabaseStore):
    """MLflow's tables in PostgreSQL."""

    def __init__(self, uri: str) -> None:
        super().__init__(uri)
        sa.event.listen(self._engine, "connect", _read_binary)

    def rows(self, run_ids: Sequence[str], metrics: Sequence[str] | None, codebook: Codebook) -> Iterator[Rows]:
        """Every row of these runs as it was logged, superseded rows too, in portions and in no order."""
        for part in parts(run_ids):
            with self._portions(_curves(part, metrics), _CURVES_A_PORTION) as portions:
                for runs, keys, steps, times, values in portions:
                    lengths = [len(curve) for curve in steps]
                    yield Rows(
                        np.repeat(codebook.runs.of(runs), lengths),
                        np.repeat(codebook.metrics.of(keys), lengths),
                        np.concatenate(steps),
                        with_infinities(np.concatenate(values)),
                        np.concatenate(times),
                    )

    def _by_run(self, run_ids: Sequence[str], metrics: Sequence[str] | None, codebook: Codebook) -> Iterator[Rows]:
        """The rows of these runs, one run after another: so the lateral query makes them, and a cursor keeps it."""
        return self.rows(run_ids, metrics, codebook)


def _curves(run_ids: Sequence[str], metrics: Sequence[str] | None) -> Query:
    """A row a curve: run, metric, its steps, timestamps and values. Run by run, so that no large sort is needed."""
    runs = live_runs(run_ids).subquery("live")
    value = sa.case((METRICS.c.is_nan, sa.cast(sa.literal("NaN"), sa.Double)), else_=METRICS.c.value)
    arrays = (sa.func.array_agg(column) for column in (METRICS.c.step, METRICS.c.timestamp, value))
    of_run = sa.select(METRICS.c.key, *arrays).where(METRICS.c.run_uuid == runs.c.run_uuid).group_by(METRICS.c.key)
    if metrics is not None:
        of_run = of_run.where(METRICS.c.key.in_(metrics))
    curves = of_run.lateral("curves")
    return sa.select(runs.c.run_uuid, *curves.c).select_from(runs.join(curves, sa.true()))


class _BinaryCursor(psycopg.ServerCursor[Any]):
    """A cursor whose every query asks for binary results."""

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
    """The elements of an array, each of which follows its size in bytes."""
    return np.frombuffer(data, [("size", ">i4"), ("element", kind)], offset=_HEADER)["element"]


def _read_binary(connection: "psycopg.Connection[Any]", _: object) -> None:
    """Prepare a new connection; SQLAlchemy calls this."""
    connection.server_cursor_factory = _BinaryCursor
    for element, loader in (("int8", _Integers), ("float8", _Doubles)):
        connection.adapters.register_loader(psycopg.adapters.types[element].array_oid, loader)
