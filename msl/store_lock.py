"""One process at a time opens a store: MLflow makes the tables of an empty one, and two processes at once fail.

SQLite keeps half of the tables of a process that was killed meanwhile, and MLflow cannot go on with them. So they are
made in a file that gets its name at the end.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from msl.errors import TrackingError
from msl.files import whole_file
from msl.folder_lock import alone

_IN_MEMORY = ":memory:"
_POSTGRESQL_KEY = 0x6D736C  # "msl"; the number of our advisory lock


@contextmanager
def opening(uri: str) -> Iterator[None]:
    """Within this block, no other process of msl or analysis opens the same SQLite or PostgreSQL store.

    Args:
        uri: tracking URI. A server opens its store itself.

    Raises:
        sqlalchemy.exc.SQLAlchemyError: PostgreSQL cannot be reached.
        mlflow.exceptions.MlflowException: the tables are those of another version of MLflow.
    """
    if uri.startswith(("sqlite:///", "postgresql")):
        # It takes a second, for which everybody else would wait if MLflow did it within the lock.
        import mlflow.store.tracking.sqlalchemy_store  # noqa: F401  # only its import counts
    if uri.startswith("sqlite:///"):
        file = Path(uri.removeprefix("sqlite:///").partition("?")[0]).resolve()  # a link stays a link
        with suppress(OSError):  # MLflow will say it
            file.parent.mkdir(parents=True, exist_ok=True)  # before: all have to lock the same folder
        with alone(file.parent):  # no file of it stays
            if file.name != _IN_MEMORY:
                if file.is_file() and file.stat().st_size:
                    _require_schema(uri)
                else:
                    _make_tables(file)
            yield
    elif uri.startswith("postgresql"):
        with _postgresql_lock(uri):
            _require_schema(uri)
            yield
    else:
        yield


def _require_schema(uri: str) -> None:
    """Refuse the tables of another MLflow: a newer one would change those of an older one unasked, without a copy."""
    import sqlalchemy as sa
    from mlflow.store.db.utils import _get_schema_version, _verify_schema

    engine = sa.create_engine(uri, poolclass=sa.NullPool)
    with suppress(sa.exc.DatabaseError):  # MLflow will say it
        if _get_schema_version(engine) is not None:
            _verify_schema(engine)


def _make_tables(file: Path) -> None:
    """Make the tables of a SQLite file that is missing or empty; if that is impossible, MLflow will say why."""
    import sqlalchemy as sa
    from mlflow.store.db.utils import _initialize_tables

    for leftover in file.parent.glob(f".{file.stem}.*.tmp{file.suffix}*"):  # of a process that was killed
        with suppress(OSError):
            leftover.unlink()
    with suppress(TrackingError, sa.exc.SQLAlchemyError), whole_file(file, TrackingError) as temporary:
        engine = sa.create_engine(f"sqlite:///{temporary}", poolclass=sa.NullPool)
        _initialize_tables(engine)


@contextmanager
def _postgresql_lock(uri: str) -> Iterator[None]:
    """The lock ends with its connection."""
    import sqlalchemy as sa

    engine = sa.create_engine(uri, poolclass=sa.NullPool)
    with engine.connect() as connection:
        connection.execute(sa.select(sa.func.pg_advisory_lock(_POSTGRESQL_KEY)))
        yield
