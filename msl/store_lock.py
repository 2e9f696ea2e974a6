"""One process at a time opens a store: MLflow makes the tables of an empty one, and two processes at once fail."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_POSTGRESQL_KEY = 0x6D736C  # "msl"; the number of our advisory lock


@contextmanager
def opening(uri: str) -> Iterator[None]:
    """Within this block, no other process of msl or analysis opens the same SQLite or PostgreSQL store.

    Args:
        uri: tracking URI. A server opens its store itself.

    Raises:
        sqlalchemy.exc.SQLAlchemyError: PostgreSQL cannot be reached.
    """
    if uri.startswith("sqlite:///"):
        with _sqlite_lock(Path(uri.removeprefix("sqlite:///").partition("?")[0])):
            yield
    elif uri.startswith("postgresql"):
        with _postgresql_lock(uri):
            yield
    else:
        yield


@contextmanager
def _sqlite_lock(file: Path) -> Iterator[None]:
    """The lock is on the folder, so that no file of it stays; it ends with the process."""
    existing = next(folder for folder in file.absolute().parents if folder.is_dir())  # MLflow makes those below it
    try:
        folder = os.open(existing, os.O_RDONLY)
    except OSError:  # MLflow will say it
        yield
        return
    try:
        with suppress(OSError):  # a network file system without locks
            fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


@contextmanager
def _postgresql_lock(uri: str) -> Iterator[None]:
    """The lock ends with its connection."""
    import sqlalchemy as sa

    engine = sa.create_engine(uri, poolclass=sa.NullPool)
    with engine.connect() as connection:
        connection.execute(sa.select(sa.func.pg_advisory_lock(_POSTGRESQL_KEY)))
        yield
