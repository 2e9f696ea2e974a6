"""MLflow's database, read directly."""

import itertools
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import sqlalchemy as sa
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import SQLAlchemyError

from analysis.errors import AnalysisError
from analysis.store.base import LATEST, LONG, RunTables, Store
from analysis.store.columns import Labels, Rows, with_infinities
from analysis.store.thinning import as_logged, thinned_query
from msl import schema

_TYPES: dict[str, sa.types.TypeEngine[Any]] = {
    "step": sa.BigInteger(),
    "timestamp": sa.BigInteger(),
    "is_nan": sa.Boolean(),
}


def _table(name: str, *columns: str) -> sa.TableClause:
    return sa.table(name, *(sa.column(column, _TYPES.get(column)) for column in columns))


# What is read of MLflow's schema; that of any revision with these columns will do.
_EXPERIMENTS = _table("experiments", "experiment_id", "name", "lifecycle_stage")
_EXPERIMENT_TAGS = _table("experiment_tags", "experiment_id", "key", "value")
_RUNS = _table("runs", "run_uuid", "name", "experiment_id", "status", "start_time", "end_time", "lifecycle_stage")
METRICS = _table("metrics", "run_uuid", "key", "step", "timestamp", "value", "is_nan")
_LATEST = _table("latest_metrics", "run_uuid", "key", "step", "timestamp", "value", "is_nan")
_PARAMS = _table("params", "run_uuid", "key", "value")
_TAGS = _table("tags", "run_uuid", "key", "value")
_READ = (_EXPERIMENTS, _EXPERIMENT_TAGS, _RUNS, METRICS, _LATEST, _PARAMS, _TAGS)
_REVISION = "alembic_version"

_IDS = 10_000  # run IDs in one query: databases allow 32 000 parameters and more
_PORTION = 20_000  # rows fetched at once

Query = sa.Select[tuple[Any, ...]]


class DatabaseStore(Store):
    """MLflow's tables in SQLite, PostgreSQL or MySQL."""

    def __init__(self, uri: str) -> None:
        self.uri = uri
        try:
            url = make_url(uri)
            self.uri = url.render_as_string(hide_password=True)
            self._engine = sa.create_engine(_read_only(url, self.uri), poolclass=sa.NullPool)
        except (SQLAlchemyError, ImportError) as error:
            raise AnalysisError(f"{self.uri} cannot be opened: {_first_line(error)}") from error
        self._check_schema()

    def experiments(self) -> list[str]:
        """Names of the experiments."""
        with self._portions(sa.select(_EXPERIMENTS.c.name).where(_active(_EXPERIMENTS))) as portions:
            return [name for (names,) in portions for name in names]

    def experiment_tags(self, experiment: str) -> dict[str, str]:
        """Tags of an experiment that exists."""
        query = sa.select(_EXPERIMENT_TAGS.c.key, _EXPERIMENT_TAGS.c.value).join_from(
            _EXPERIMENT_TAGS, _EXPERIMENTS, _EXPERIMENT_TAGS.c.experiment_id == _EXPERIMENTS.c.experiment_id
        )
        frame = self._frame(query.where(_EXPERIMENTS.c.name == experiment), "key", "value")
        return dict(zip(frame["key"], frame["value"], strict=True))

    def tables(self, experiment: str | None = None, status: str | None = None) -> RunTables:
        """The runs of an experiment that exists, or of all; only those of a status, if one is given."""
        chosen = _chosen(experiment, status)
        runs = self._frame(chosen, "run_id", "name", "experiment", "status", "start", "end").infer_objects()
        for column in ("start", "end"):
            runs[column] = pd.to_datetime(runs[column].astype("Int64"), unit="ms", utc=True)
        # A subquery and not a list of IDs: the database does the choosing, however many runs there are.
        ids = chosen.with_only_columns(_RUNS.c.run_uuid, maintain_column_froms=True)
        tags, params, latest = (
            self._frame(sa.select(*columns).where(columns[0].in_(ids)), *names)
            for columns, names in (([*_TAGS.c], LONG), ([*_PARAMS.c], LONG), (as_logged(_LATEST), LATEST))
        )
        latest["value"] = with_infinities(latest["value"].to_numpy(np.float64, copy=True))
        # Runs may be added between these queries; what belongs to those is left out.
        parts = (part[part["run_id"].isin(runs["run_id"])] for part in (tags, params, latest))
        return RunTables(runs, *parts)

    def rows(self, run_ids: Sequence[str], metrics: Sequence[str] | None, labels: Labels) -> Iterator[Rows]:
        """Every row of these runs as it was logged, the superseded too, in portions and in no order."""
        for part in parts(run_ids):
            rows = _logged(part, metrics)
            yield from self._rows(rows.with_only_columns(*as_logged(METRICS)), labels)

    def thinned(
        self, run_ids: Sequence[str], metrics: Sequence[str] | None, max_points: int, labels: Labels
    ) -> Iterator[Rows]:
        """The rows of `history` with `max_points`, chosen by the database, in no order."""
        for part in parts(run_ids):
            logged = _logged(part, metrics)
            resumed = list(self.rows(part, [schema.ATTEMPT], Labels()))
            current = logged.where(~_superseded()) if resumed else logged
            yield from self._rows(thinned_query(current.subquery("logged"), max_points), labels)

    def known_runs(self, run_ids: Sequence[str]) -> set[str]:
        """Those of the runs that are there and not deleted."""
        queries = (live_runs(part) for part in parts(run_ids))
        return {run_id for query in queries for run_id in self._frame(query, "run_id")["run_id"]}

    def known_metrics(self) -> set[str]:
        """Names of all metrics of all runs."""
        live = sa.select(_RUNS.c.run_uuid).where(_active(_RUNS))
        return set(self._frame(sa.select(_LATEST.c.key).where(_LATEST.c.run_uuid.in_(live)).distinct(), "key")["key"])

    def _rows(self, query: Query, labels: Labels) -> Iterator[Rows]:
        with self._portions(query) as portions:
            for run, key, step, timestamp, value in portions:
                yield Rows(
                    labels.runs.of(run),
                    labels.metrics.of(key),
                    np.array(step, np.int64),
                    with_infinities(np.array(value, np.float64)),
                    np.array(timestamp, np.int64),
                )

    def _frame(self, query: Query, *columns: str) -> pd.DataFrame:
        with self._portions(query) as portions:
            joined = [list(itertools.chain.from_iterable(parts)) for parts in zip(*portions, strict=True)]
        # As objects: making text of pandas' own kind of them costs more than reading them.
        return pd.DataFrame(dict(zip(columns, joined or [[]] * len(columns), strict=True)), dtype=object)

    @contextmanager
    def _portions(self, query: Query, size: int = _PORTION) -> Iterator[Iterator[list[list[Any]]]]:
        """What a query finds, streamed, so many rows at once and column by column."""
        name = self._engine.dialect.name
        options: dict[str, Any] = {"stream_results": name != "sqlite"}  # which always streams
        if name == "postgresql":
            options["postgresql_readonly"] = True
        try:
            with (
                self._engine.connect().execution_options(**options) as connection,
                closing(connection.execute(query)) as result,
            ):
                yield _columns(result, size)
        except SQLAlchemyError as error:
            raise AnalysisError(f"{self.uri} cannot be read as a run store: {_explained(error)}") from error

    def _check_schema(self) -> None:
        """Refuse a database that lacks what is read here, and say which revision it is."""
        try:
            inspector = sa.inspect(self._engine)
            names = [*(table.name for table in _READ), _REVISION]
            found = inspector.get_multi_columns(filter_names=names)  # one question: MLflow has some seventy tables
        except SQLAlchemyError as error:
            raise AnalysisError(f"{self.uri} cannot be read as a run store: {_explained(error)}") from error
        there = {name: {column["name"] for column in columns} for (_, name), columns in found.items()}
        wanted = [(table.name, column.name) for table in _READ for column in table.c]
        missing = [f"{table}.{column}" for table, column in wanted if column not in there.get(table, ())]
        if not missing:
            return
        if _REVISION not in there:
            raise AnalysisError(f"{self.uri} is no run store: it has no table of MLflow's")
        query: Query = sa.select(sa.column("version_num")).select_from(sa.table(_REVISION))
        raise AnalysisError(
            f"{self.uri} has MLflow's schema revision {', '.join(self._frame(query, 'revision')['revision'])}, without "
            f"{', '.join(missing)}. `mlflow db upgrade URI` brings an older one up to date; for a newer one, msl needs "
            "an update."
        )


def _columns(result: sa.CursorResult[Any], size: int) -> Iterator[list[list[Any]]]:
    """The columns of each portion. Its rows are plain tuples: a million of SQLAlchemy's take three times as long."""
    width = len(result.keys())
    while rows := result.cursor_strategy.fetchmany(result, result.cursor, size):
        cells = list(itertools.chain.from_iterable(rows))
        yield [cells[column::width] for column in range(width)]


def _read_only(url: URL, shown: str) -> URL:
    """The database's address, with SQLite told not to write, and not to make a file that is not there."""
    if url.drivername.startswith("postgres"):
        return url.set(drivername="postgresql+psycopg")
    if not url.drivername.startswith("sqlite"):
        return url
    if not url.database or not Path(url.database).is_file():
        raise AnalysisError(f"{shown}: no such database. Runs are in mlflow.db of the folder they were started in.")
    path = Path(url.database).absolute().as_uri()  # escapes what would end a file name in a URI: ? % #
    return url.set(database=path, query={**url.query, "mode": "ro", "uri": "true"})


def parts(run_ids: Sequence[str]) -> Iterator[Sequence[str]]:
    """As many as one query can name."""
    return (run_ids[i : i + _IDS] for i in range(0, len(run_ids), _IDS))


def _active(table: sa.TableClause) -> sa.ColumnElement[bool]:
    return table.c.lifecycle_stage == "active"


def live_runs(run_ids: Sequence[str]) -> Query:
    """Those of the runs that are there and not deleted."""
    return sa.select(_RUNS.c.run_uuid).where(_RUNS.c.run_uuid.in_(run_ids), _active(_RUNS))


def _chosen(experiment: str | None, status: str | None) -> Query:
    query = (
        sa.select(
            _RUNS.c.run_uuid,
            _RUNS.c.name,
            _EXPERIMENTS.c.name,
            _RUNS.c.status,
            _RUNS.c.start_time,
            _RUNS.c.end_time,
        )
        .join_from(_RUNS, _EXPERIMENTS, _RUNS.c.experiment_id == _EXPERIMENTS.c.experiment_id)
        .where(_active(_RUNS), _active(_EXPERIMENTS))
    )
    wanted = {_EXPERIMENTS.c.name: experiment, _RUNS.c.status: status}
    return query.where(*(column == value for column, value in wanted.items() if value is not None))


def _logged(run_ids: Sequence[str], metrics: Sequence[str] | None) -> Query:
    query = sa.select(*METRICS.c).where(METRICS.c.run_uuid.in_(live_runs(run_ids)))
    return query if metrics is None else query.where(METRICS.c.key.in_(metrics))


def _superseded() -> sa.ColumnElement[bool]:
    """Whether a row lies behind a step that its run was later resumed from."""
    attempt = METRICS.alias("attempt")
    return sa.exists().where(
        attempt.c.run_uuid == METRICS.c.run_uuid,
        attempt.c.key == schema.ATTEMPT,
        attempt.c.step < METRICS.c.step,
        attempt.c.timestamp + 0 > METRICS.c.timestamp,  # + 0: SQLite is to search by run, not by time
    )


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]


def _explained(error: Exception) -> str:
    line = _first_line(error)
    if "database is locked" in line:
        return f"{line}. Another process is writing it; try again when it has finished."
    return line
