"""A service's databases: their schema, and their rows on the way into a backup and out of it.

A dump is a pair of SQLite files, whatever the service runs on, so that `analysis` reads it as it is, and SQLite and
PostgreSQL can both be restored from it.
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
from msl.service.place import Place, connected

RUNS_DUMP, ACCOUNTS_DUMP = "runs.db", "accounts.db"
_PORTION = 10_000  # rows in memory
# Rows at most of a service that has only been started: Default and admin.
_STARTED = {"runs": 0, "experiments": 1, "registered_models": 0, "users": 1}


def upgrade(runs: str, accounts: str) -> None:
    """Bring both to the schema of this MLflow; a new database gets it whole."""
    from mlflow.server.auth.db.utils import migrate
    from mlflow.store.db.utils import _initialize_tables, _upgrade_db

    with connected(runs) as engine:
        if "experiments" in _tables(engine):
            _upgrade_db(engine)
        else:
            _initialize_tables(engine)
    with connected(accounts) as engine:
        migrate(engine, "head")


def dump(place: Place, folder: Path) -> dict[str, int]:
    """Write both databases, each as it is at one moment, into two SQLite files; how many rows each table has.

    Raises:
        ServiceError: there is no database, or it has another schema than this MLflow's.
    """
    files = [folder / RUNS_DUMP, folder / ACCOUNTS_DUMP]
    if place.on_sqlite:
        for uri, file in zip((place.runs, place.accounts), files, strict=True):
            if not _file(uri).is_file():
                raise ServiceError(f"{_file(uri)}: no such file, so no service that could be copied")
            _copy_sqlite(_file(uri), file)
    else:
        upgrade(*map(_uri, files))
        with connected(place.runs) as source:
            _require_same_schema(place, source, files[0])
            moment = source.execution_options(isolation_level="REPEATABLE READ")
            with moment.connect() as rows:
                for file in files:
                    _copy_rows(rows, _uri(file))
    return counts(folder)


def restore(folder: Path, place: Place) -> None:
    """Put a dump into a service that has no runs; its accounts become those of the dump.

    Raises:
        ServiceError: the service is not empty.
    """
    require_empty(place)
    with TemporaryDirectory(dir=place.private) as workplace:
        copies = [Path(shutil.copy(folder / name, workplace)) for name in (RUNS_DUMP, ACCOUNTS_DUMP)]
        upgrade(*map(_uri, copies))  # a dump of an older MLflow
        if place.on_sqlite:
            for file, uri in zip(copies, (place.runs, place.accounts), strict=True):
                _copy_sqlite(file, _file(uri))
            return
        upgrade(place.runs, place.accounts)
        for file in copies:
            with connected(_uri(file)) as source, source.connect() as rows:
                _copy_rows(rows, place.runs)


def require_empty(place: Place) -> None:
    """Refuse a service that holds anything that a restore would overwrite.

    Raises:
        ServiceError: it has runs, experiments, registered models or accounts.
    """
    for uri in {place.runs, place.accounts}:
        if place.on_sqlite and not _file(uri).exists():
            continue
        with connected(uri) as engine:
            for table in _STARTED.keys() & _tables(engine):
                if (rows := _count(engine, table)) > _STARTED[table]:
                    raise ServiceError(
                        f"{place.shown} has {rows} {table} already; restore into an empty service: another folder or "
                        "database"
                    )


def outside(folder: Path) -> int:
    """Runs of a dump whose artifacts do not go through the service: those that were recorded without a server."""
    with connected(_uri(folder / RUNS_DUMP)) as engine, engine.connect() as connection:
        runs = sa.table("runs", sa.column("artifact_uri"))
        through = runs.c.artifact_uri.startswith("mlflow-artifacts:")
        return connection.scalar(sa.select(sa.func.count()).select_from(runs).where(~through)) or 0


def counts(folder: Path) -> dict[str, int]:
    """Rows of every table of a dump."""
    found: dict[str, int] = {}
    for name in (RUNS_DUMP, ACCOUNTS_DUMP):
        with connected(_uri(folder / name)) as engine:
            found |= {table: _count(engine, table) for table in sorted(_tables(engine))}
    return found


def _copy_sqlite(source: Path, target: Path) -> None:
    """SQLite's own online copy: complete and of one moment, while others write."""
    try:
        with closing(sqlite3.connect(source)) as read, closing(sqlite3.connect(target)) as write:
            read.backup(write)
    except sqlite3.Error as error:
        raise ServiceError(f"{source} cannot be copied to {target}: {error}") from error


def _copy_rows(source: sa.Connection, uri: str) -> None:
    """Fill the tables of a database, which are there and hold at most what MLflow puts into new ones."""
    with connected(uri) as engine, engine.begin() as target:
        known = {*sa.inspect(source).get_table_names()}
        order = [name for name in _in_order(target) if name in known and not name.startswith("alembic_version")]
        for name in reversed(order):
            target.execute(_table(target, name).delete())
        for name in order:
            read, write = _table(source, name), _table(target, name)
            result = source.execute(sa.select(read).execution_options(yield_per=_PORTION))
            for portion in result.mappings().partitions():
                target.execute(write.insert(), [dict(row) for row in portion])
            if target.dialect.name == "postgresql":
                _advance_sequences(target, name)


def _advance_sequences(target: sa.Connection, table: str) -> None:
    """Let PostgreSQL number what is added later behind what has been copied."""
    for column in sa.inspect(target).get_columns(table):
        if "nextval" in (column["default"] or ""):
            highest = sa.select(sa.func.max(sa.column(column["name"]))).select_from(sa.table(table)).scalar_subquery()
            sequence = sa.func.pg_get_serial_sequence(table, column["name"])
            target.execute(sa.select(sa.func.setval(sequence, sa.func.greatest(highest, 1))))  # Default has number 0


def _in_order(connection: sa.Connection) -> Iterator[str]:
    """Tables, each behind those that it refers to."""
    return (name for name, _ in sa.inspect(connection).get_sorted_table_and_fkc_names() if name is not None)


def _table(connection: sa.Connection, name: str) -> sa.Table:
    columns = sa.inspect(connection).get_columns(name)
    for column in columns:
        if isinstance(column["type"], sa.JSON):
            column["type"].none_as_null = True
    return sa.Table(name, sa.MetaData(), *(sa.Column(column["name"], column["type"]) for column in columns))


def _require_same_schema(place: Place, source: sa.Engine, dumped: Path) -> None:
    with ExitStack() as stack:
        engines = [source, stack.enter_context(connected(_uri(dumped)))]
        query = sa.text("SELECT version_num FROM alembic_version")
        versions = [stack.enter_context(engine.connect()).scalar(query) for engine in engines]
    if versions[0] != versions[1]:
        raise ServiceError(
            f"{place.shown} has MLflow's schema {versions[0]}, this MLflow {versions[1]}; make the backup with the "
            "MLflow that the service runs"
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
