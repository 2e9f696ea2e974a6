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
from analysis.store.base import DATASETS, LATEST, LONG, ROLE, RunTables, Store
from analysis.store.columns import Codebook, Rows, as_times, whole_runs, with_infinities, without_superseded
from analysis.store.thinning import thinned
from msl import schema
from msl.console import masked, reason

_TYPES: dict[str, sa.types.TypeEngine[Any]] = {
    "step": sa.BigInteger(),
    "timestamp": sa.BigInteger(),
    "is_nan": sa.Boolean(),
}


def _table(name: str, *columns: str) -> sa.TableClause:
    return sa.table(name, *(sa.column(column, _TYPES.get(column)) for column in columns))


# The part of MLflow's schema that is read; every revision with these columns will do.
_EXPERIMENTS = _table("experiments", "experiment_id", "name", "lifecycle_stage")
_EXPERIMENT_TAGS = _table("experiment_tags", "experiment_id", "key", "value")
_RUNS = _table("runs", "run_uuid", "name", "experiment_id", "status", "start_time", "end_time", "lifecycle_stage")
METRICS = _table("metrics", "run_uuid", "key", "step", "timestamp", "value", "is_nan")
_LATEST = _table("latest_metrics", "run_uuid", "key", "step", "timestamp", "value", "is_nan")
_PARAMS = _table("params", "run_uuid", "key", "value")
_TAGS = _table("tags", "run_uuid", "key", "value")
_INPUTS = _table("inputs", "input_uuid", "source_id", "destination_type", "destination_id")
_INPUT_TAGS = _table("input_tags", "input_uuid", "name", "value")
_SETS = _table(
    "datasets",
    *("dataset_uuid", "experiment_id", "name", "digest"),
    *("dataset_source_type", "dataset_source", "dataset_schema", "dataset_profile"),
)
_READ = (_EXPERIMENTS, _EXPERIMENT_TAGS, _RUNS, METRICS, _LATEST, _PARAMS, _TAGS)
_REVISION = "alembic_version"

_IDS_A_QUERY = 10_000  # databases allow 32 000 parameters or more
_ROWS_A_PORTION = 20_000  # fetched at once

Query = sa.Select[tuple[Any, ...]]


class DatabaseStore(Store):
    """MLflow's tables in SQLite, PostgreSQL or MySQL."""

    def __init__(self, uri: str) -> None:
        self.uri = uri
        try:
            url = make_url(uri)
            self.uri = url.render_as_string(hide_password=True)
            self._engine = sa.create_engine(_read_only(url, self.uri), poolclass=sa.NullPool)
        except (SQLAlchemyError, ImportError, ValueError) as error:
            raise AnalysisError(f"{masked(self.uri)} cannot be opened: {reason(error, uri)}") from error
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
        query = _runs(experiment, status)
        runs = self._frame(query, "run_id", "name", "experiment", "status", "start", "end").infer_objects()
        for column in ("start", "end"):
            runs[column] = as_times(runs[column])
        # A subquery and not a list of IDs, so that the number of runs has no limit.
        ids = query.with_only_columns(_RUNS.c.run_uuid, maintain_column_froms=True)
        tags, params, latest = (
            self._frame(sa.select(*columns).where(columns[0].in_(ids)), *names)
            for columns, names in (([*_TAGS.c], LONG), ([*_PARAMS.c], LONG), (as_logged(_LATEST), LATEST))
        )
        latest["value"] = with_infinities(latest["value"].to_numpy(np.float64, copy=True))
        # Runs that others add between these queries are left out.
        parts = (part[part["run_id"].isin(runs["run_id"])] for part in (tags, params, latest))
        return RunTables(runs, *parts)

    def dataset_inputs(self, experiment: str) -> pd.DataFrame:
        """The data sets that MLflow lists as inputs of the runs of an experiment that exists: `DATASETS`."""
        if not sa.inspect(self._engine).has_table(_INPUTS.name):  # MLflow before 2.4
            return pd.DataFrame(columns=list(DATASETS), dtype=object)
        ids = _runs(experiment, None).with_only_columns(_RUNS.c.run_uuid, maintain_column_froms=True)
        sets, tags = _SETS.c, _INPUT_TAGS.c
        query = (
            sa.select(_INPUTS.c.destination_id, *list(sets)[2:], tags.value)
            .join_from(_INPUTS, _SETS, _INPUTS.c.source_id == sets.dataset_uuid)
            .outerjoin(_INPUT_TAGS, (tags.input_uuid == _INPUTS.c.input_uuid) & (tags.name == ROLE))
            .where(_INPUTS.c.destination_type == "RUN", _INPUTS.c.destination_id.in_(ids))
        )
        return self._frame(query, *DATASETS)

    def rows(self, run_ids: Sequence[str], metrics: Sequence[str] | None, codebook: Codebook) -> Iterator[Rows]:
        """Every row of these runs as it was logged, superseded rows too, in portions and in no order."""
        for part in parts(run_ids):
            rows = _logged(part, metrics)
            yield from self._rows(rows.with_only_columns(*as_logged(METRICS)), codebook)

    def thinned(
        self, run_ids: Sequence[str], metrics: Sequence[str] | None, max_points: int, codebook: Codebook
    ) -> Iterator[Rows]:
        """The rows of `history` with `max_points`, in no order; few whole runs are in memory at the same time."""
        with_attempts = None if metrics is None else [*dict.fromkeys([*metrics, schema.ATTEMPT])]
        for part in parts(run_ids):
            for rows in whole_runs(self._by_run(part, with_attempts, codebook)):
                current = without_superseded(rows, codebook)
                if metrics is not None and schema.ATTEMPT not in metrics:
                    current = current.where(current.metric != codebook.metrics.get(schema.ATTEMPT, -1))
                yield thinned(current, max_points)

    def known_runs(self, run_ids: Sequence[str]) -> set[str]:
        """Those of the runs that exist and are not deleted."""
        queries = (live_runs(part) for part in parts(run_ids))
        return {run_id for query in queries for run_id in self._frame(query, "run_id")["run_id"]}

    def known_metrics(self) -> set[str]:
        """Names of all metrics of all runs."""
        live = sa.select(_RUNS.c.run_uuid).where(_active(_RUNS))
        return set(self._frame(sa.select(_LATEST.c.key).where(_LATEST.c.run_uuid.in_(live)).distinct(), "key")["key"])

    def _by_run(self, run_ids: Sequence[str], metrics: Sequence[str] | None, codebook: Codebook) -> Iterator[Rows]:
        """The rows of these runs, one run after another."""
        query = _logged(run_ids, metrics).with_only_columns(*as_logged(METRICS))
        return self._rows(query.order_by(METRICS.c.run_uuid), codebook)

    def _rows(self, query: Query, codebook: Codebook) -> Iterator[Rows]:
        with self._portions(query) as portions:
            for run, key, step, timestamp, value in portions:
                yield Rows(
                    codebook.runs.of(run),
                    codebook.metrics.of(key),
                    np.array(step, np.int64),
                    with_infinities(np.array(value, np.float64)),
                    np.array(timestamp, np.int64),
                )

    def _frame(self, query: Query, *columns: str) -> pd.DataFrame:
        with self._portions(query) as portions:
            joined = [list(itertools.chain.from_iterable(parts)) for parts in zip(*portions, strict=True)]
        # As objects: to convert them to text of pandas' own kind costs more than to read them.
        return pd.DataFrame(dict(zip(columns, joined or [[]] * len(columns), strict=True)), dtype=object)

    @contextmanager
    def _portions(self, query: Query, size: int = _ROWS_A_PORTION) -> Iterator[Iterator[list[list[Any]]]]:
        """The rows that a query finds, streamed in portions, each column by column."""
        name = self._engine.dialect.name
        options: dict[str, Any] = {"stream_results": name != "sqlite"}  # SQLite always streams
        if name == "postgresql":
            options["postgresql_readonly"] = True
        try:
            with (
                self._engine.connect().execution_options(**options) as connection,
                closing(connection.execute(query)) as result,
            ):
                yield _columns(result, size)
        except SQLAlchemyError as error:
            raise AnalysisError(f"{self.uri} cannot be read as a run store: {reason(error, self.uri)}") from error

    def _check_schema(self) -> None:
        """Refuse a database that lacks tables or columns, and say which revision it has."""
        try:
            inspector = sa.inspect(self._engine)
            names = [*(table.name for table in _READ), _REVISION]
            tables = inspector.get_multi_columns(filter_names=names)  # one query: MLflow has some seventy tables
        except SQLAlchemyError as error:
            raise AnalysisError(f"{self.uri} cannot be read as a run store: {reason(error, self.uri)}") from error
        present = {name: {column["name"] for column in columns} for (_, name), columns in tables.items()}
        needed = [(table.name, column.name) for table in _READ for column in table.c]
        missing = [f"{table}.{column}" for table, column in needed if column not in present.get(table, ())]
        if not missing:
            return
        if _REVISION not in present:
            raise AnalysisError(f"{self.uri} is no run store: it has no tables of MLflow")
        query: Query = sa.select(sa.column("version_num")).select_from(sa.table(_REVISION))
        raise AnalysisError(
            f"{self.uri} has MLflow's schema revision {', '.join(self._frame(query, 'revision')['revision'])}, without "
            f"{', '.join(missing)}. `mlflow db upgrade URI` updates an older one; for a newer one, update msl."
        )


def _columns(result: sa.CursorResult[Any], size: int) -> Iterator[list[list[Any]]]:
    """The columns of each portion. Rows are plain tuples: a million rows of SQLAlchemy's take three times as long."""
    width = len(result.keys())
    while rows := result.cursor_strategy.fetchmany(result, result.cursor, size):
        cells = list(itertools.chain.from_iterable(rows))
        yield [cells[column::width] for column in range(width)]


def _read_only(url: URL, shown: str) -> URL:
    """The database's address; of SQLite one that neither writes nor creates a file."""
    if url.drivername.startswith("postgres"):
        return url.set(drivername="postgresql+psycopg")
    if not url.drivername.startswith("sqlite"):
        return url
    if not url.database or not Path(url.database).is_file():
        raise AnalysisError(f"{shown}: no such database. Runs are in mlflow.db of the folder where they were started.")
    path = Path(url.database).absolute().as_uri()  # with ? % #, which would end a file name in a URI, escaped
    return url.set(database=path, query={**url.query, "mode": "ro", "uri": "true"})


def parts(run_ids: Sequence[str]) -> Iterator[Sequence[str]]:
    """The runs in parts that one query can name."""
    return (run_ids[i : i + _IDS_A_QUERY] for i in range(0, len(run_ids), _IDS_A_QUERY))


def _active(table: sa.TableClause) -> sa.ColumnElement[bool]:
    return table.c.lifecycle_stage == "active"


def live_runs(run_ids: Sequence[str]) -> Query:
    """Those of the runs that exist and are not deleted."""
    return sa.select(_RUNS.c.run_uuid).where(_RUNS.c.run_uuid.in_(run_ids), _active(_RUNS))


def _runs(experiment: str | None, status: str | None) -> Query:
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
    conditions = {_EXPERIMENTS.c.name: experiment, _RUNS.c.status: status}
    return query.where(*(column == value for column, value in conditions.items() if value is not None))


def as_logged(table: sa.FromClause) -> list[sa.ColumnElement[Any]]:
    """The columns of a table of metrics, with NULL for NaN, which MLflow stores as 0 with a flag ``is_nan``."""
    value = sa.case((table.c["is_nan"], sa.null()), else_=table.c["value"])
    return [*(table.c[name] for name in ("run_uuid", "key", "step", "timestamp")), value]


def _logged(run_ids: Sequence[str], metrics: Sequence[str] | None) -> Query:
    query = sa.select(*METRICS.c).where(METRICS.c.run_uuid.in_(live_runs(run_ids)))
    return query if metrics is None else query.where(METRICS.c.key.in_(metrics))
