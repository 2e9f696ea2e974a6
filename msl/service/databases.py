"""The databases of a service: their schema, and how their rows are copied into a backup and restored from it.

A dump is a pair of SQLite files, whichever database the service uses. So `analysis` can read it, and both SQLite and
PostgreSQL can be restored from it.
"""

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from tempfile import TemporaryDirectory

import sqlalchemy as sa
from sqlalchemy.engine import make_url

from msl.errors import ServiceError
from msl.service.storage import Storage, open_engine

RUNS_DUMP, ACCOUNTS_DUMP = "runs.db", "accounts.db"
_BATCH_ROWS = 10_000  # rows in memory
# The most rows of a service that has been started and not used: the experiment Default and the account admin.
_ROWS_WHEN_NEW = {"runs": 0, "experiments": 1, "registered_models": 0, "users": 1}


def upgrade(runs: str, accounts: str) -> None:
    """Bring both databases to the schema of this MLflow; a new database gets all tables."""
    from mlflow.server.auth.db.utils import migrate
    from mlflow.store.db.utils import _initialize_tables, _upgrade_db

    with open_engine(runs) as engine:
        if "experiments" in _tables(engine):
            _upgrade_db(engine)
        else:
            _initialize_tables(engine)
    with open_engine(accounts) as engine:
        migrate(engine, "head")


def dump(storage: Storage, folder: Path) -> dict[str, int]:
    """Write both databases, each as it is at one moment, into two SQLite files.

    Returns:
        The number of rows of each table.

    Raises:
        ServiceError: there is no database, or its schema is not this MLflow's.
    """
    files = [folder / RUNS_DUMP, folder / ACCOUNTS_DUMP]
    if storage.on_sqlite:
        for uri, file in zip((storage.runs, storage.accounts), files, strict=True):
            if not _file(uri).is_file():
                raise ServiceError(f"{_file(uri)}: no such file; pass folder, the service's folder, or database")
            _copy_sqlite(_file(uri), file)
    else:
        upgrade(*map(_uri, files))
        with open_engine(storage.runs) as source:
            _require_same_schema(storage, source, files[0])
            moment = source.execution_options(isolation_level="REPEATABLE READ")
            with moment.connect() as rows:
                for file in files:
                    _copy_rows(rows, _uri(file))
    return count_rows(folder)


def restore(folder: Path, storage: Storage) -> None:
    """Put a dump into a service that has no runs; its accounts become those of the dump.

    Raises:
        ServiceError: the service is not empty.
    """
    require_empty(storage)
    with TemporaryDirectory(dir=storage.private) as temporary:
        copies = [Path(shutil.copy(folder / name, temporary)) for name in (RUNS_DUMP, ACCOUNTS_DUMP)]
        upgrade(*map(_uri, copies))  # the dump may be of an older MLflow
        if storage.on_sqlite:
            for file, uri in zip(copies, (storage.runs, storage.accounts), strict=True):
                _copy_sqlite(file, _file(uri))
            return
        upgrade(storage.runs, storage.accounts)
        for file in copies:
            with open_engine(_uri(file)) as source, source.connect() as rows:
                _copy_rows(rows, storage.runs)


def require_empty(storage: Storage) -> None:
    """Refuse a service that holds anything that a restore would overwrite.

    Raises:
        ServiceError: the service has runs, experiments, registered models or accounts.
    """
    for uri in {storage.runs, storage.accounts}:
        if storage.on_sqlite and not _file(uri).exists():
            continue
        with open_engine(uri) as engine:
            for table in _ROWS_WHEN_NEW.keys() & _tables(engine):
                if (rows := _count(engine, table)) > _ROWS_WHEN_NEW[table]:
                    raise ServiceError(
                        f"{storage.address} has {rows} {table} already; restore into an empty service: another folder "
                        "or database"
                    )


def count_runs_outside(folder: Path) -> int:
    """Number of runs of a dump whose artifacts the service does not store: they were recorded without the server."""
    with open_engine(_uri(folder / RUNS_DUMP)) as engine, engine.connect() as connection:
        runs = sa.table("runs", sa.column("artifact_uri"))
        is_inside = runs.c.artifact_uri.startswith("mlflow-artifacts:")
        return connection.scalar(sa.select(sa.func.count()).select_from(runs).where(~is_inside)) or 0


def count_rows(folder: Path) -> dict[str, int]:
    """Number of rows of every table of a dump."""
    counts: dict[str, int] = {}
    for name in (RUNS_DUMP, ACCOUNTS_DUMP):
        with open_engine(_uri(folder / name)) as engine:
            counts |= {table: _count(engine, table) for table in sorted(_tables(engine))}
    return counts


def _copy_sqlite(source: Path, target: Path) -> None:
    """Copy with SQLite's own online backup: complete and of one moment, while other processes write."""
    try:
        with closing(sqlite3.connect(source)) as read, closing(sqlite3.connect(target)) as write:
            read.backup(write)
    except sqlite3.Error as error:
        raise ServiceError(f"{source} cannot be copied to {target}: {error}") from error


def _copy_rows(source: sa.Connection, uri: str) -> None:
    """Fill the tables of a database. They exist, and hold no more than MLflow puts into new tables."""
    with open_engine(uri) as engine, engine.begin() as target:
        known = {*sa.inspect(source).get_table_names()}
        order = [name for name in _in_order(target) if name in known and not name.startswith("alembic_version")]
        for name in reversed(order):
            target.execute(_table(target, name).delete())
        for name in order:
            read, write = _table(source, name), _table(target, name)
            result = source.execute(sa.select(read).execution_options(yield_per=_BATCH_ROWS))
            for batch in result.mappings().partitions():
                target.execute(write.insert(), [dict(row) for row in batch])
            if target.dialect.name == "postgresql":
                _advance_sequences(target, name)


def _advance_sequences(target: sa.Connection, table: str) -> None:
    """Let PostgreSQL number rows that are added later after the rows that were copied."""
    for column in sa.inspect(target).get_columns(table):
        if "nextval" in (column["default"] or ""):
            highest = sa.select(sa.func.max(sa.column(column["name"]))).select_from(sa.table(table)).scalar_subquery()
            sequence = sa.func.pg_get_serial_sequence(table, column["name"])
            target.execute(
                sa.select(sa.func.setval(sequence, sa.func.greatest(highest, 1)))
            )  # the experiment Default has number 0


def _in_order(connection: sa.Connection) -> Iterator[str]:
    """Names of the tables; each comes after the tables that it refers to."""
    return (name for name, _ in sa.inspect(connection).get_sorted_table_and_fkc_names() if name is not None)


def _table(connection: sa.Connection, name: str) -> sa.Table:
    columns = sa.inspect(connection).get_columns(name)
    for column in columns:
        if isinstance(column["type"], sa.JSON):
            column["type"].none_as_null = True
    return sa.Table(name, sa.MetaData(), *(sa.Column(column["name"], column["type"]) for column in columns))


def _require_same_schema(storage: Storage, source: sa.Engine, dumped: Path) -> None:
    with ExitStack() as stack:
        engines = [source, stack.enter_context(open_engine(_uri(dumped)))]
        query = sa.text("SELECT version_num FROM alembic_version")
        versions = [stack.enter_context(engine.connect()).scalar(query) for engine in engines]
    if versions[0] != versions[1]:
        raise ServiceError(
            f"{storage.address} has MLflow's schema {versions[0]}, and this MLflow has {versions[1]}; make the "
            "backup with the version of MLflow that the service runs"
        )


def _tables(engine: sa.Engine) -> list[str]:
    return sa.inspect(engine).get_table_names()


def _count(engine: sa.Engine, table: str) -> int:
    with engine.connect() as connection:
        return connection.scalar(sa.select(sa.func.count()).select_from(sa.table(table))) or 0


def _file(uri: str) -> Path:
    return Path(make_url(uri).database or "")


def _uri(file: Path) -> str:
    return f"sqlite:///{file}"
