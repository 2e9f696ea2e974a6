"""The databases, the artifacts and the private files of a service."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile

import sqlalchemy as sa
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from msl.errors import ServiceError
from msl.service.settings import PlaceConfig

RUN_STORE, ACCOUNTS, ARTIFACTS = "mlflow.db", "accounts.db", "mlartifacts"
_PRIVATE = Path(".msl") / "service"


@dataclass(frozen=True)
class Place:
    """A service, resolved."""

    runs: str  # SQLAlchemy URI of MLflow's tables
    accounts: str  # of its accounts; the same PostgreSQL, or a file beside the runs'
    artifacts: str  # absolute folder, or s3://…
    private: Path  # folder that only the service's user may read

    @property
    def on_sqlite(self) -> bool:
        """Whether its databases are files."""
        return self.runs.startswith("sqlite")

    @property
    def shown(self) -> str:
        """The run store's address without its password."""
        return make_url(self.runs).render_as_string(hide_password=True)


def resolve(config: PlaceConfig) -> Place:
    """The service that the settings mean; its folder is made if need be.

    Raises:
        ServiceError: the folder cannot be written, or the database is none that serves.
    """
    folder = config.folder.absolute()
    private = folder / _PRIVATE
    try:
        private.mkdir(parents=True, exist_ok=True)
        private.chmod(0o700)
    except OSError as error:
        raise ServiceError(f"folder = {config.folder}: {error.strerror}; name one that can be written") from error
    runs, accounts = f"sqlite:///{folder / RUN_STORE}", f"sqlite:///{private / ACCOUNTS}"
    if config.database is not None:
        runs = accounts = _postgresql(config.database, config.database_password_file)
    artifacts = config.artifacts or str(folder / ARTIFACTS)
    return Place(runs, accounts, artifacts if "://" in artifacts else str(Path(artifacts).absolute()), private)


def _postgresql(uri: str, password_file: Path | None) -> str:
    try:
        url = make_url(uri)
    except ArgumentError:
        url = URL.create("")
    if url.get_backend_name() not in ("postgresql", "postgres"):
        kind = url.drivername or "no URI"
        raise ServiceError(f"database is {kind}; expected postgresql://USER@HOST/NAME, or none for SQLite files")
    if password_file is not None:
        url = url.set(password=read_secret(password_file, "database_password_file"))
    return url.set(drivername="postgresql+psycopg").render_as_string(hide_password=False)


def read_secret(path: Path, option: str) -> str:
    """What a file of one line holds.

    Raises:
        ServiceError: it is not there or empty.
    """
    try:
        secret = path.read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ServiceError(f"{option} = {path} cannot be read: {error}") from error
    if not secret:
        raise ServiceError(f"{option} = {path} is empty; write the password into it")
    return secret


def private_file(path: Path, content: str) -> None:
    """Write a file that nobody else may read, not even for a moment."""
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(content)


def kept_secret(path: Path) -> str:
    """The secret that a private file keeps, made up at the first call."""
    if not path.exists():
        private_file(path, secrets.token_urlsafe(32))
    return path.read_text()


@contextmanager
def connected(uri: str) -> Iterator[sa.Engine]:
    """An engine for this block; a database that does not answer is given up after ten seconds."""
    asked = {} if uri.startswith("sqlite") else {"connect_timeout": 10, "client_encoding": "utf8"}
    engine = sa.create_engine(uri, connect_args=asked)
    try:
        yield engine
    finally:
        engine.dispose()


def require_database(place: Place) -> None:
    """Refuse to go on without the database; SQLite's is a file, and needs nothing.

    Raises:
        ServiceError: it does not answer, does not let us in, or keeps bytes for characters.
    """
    if place.on_sqlite:
        return
    with reaching(place), connected(place.runs) as engine, engine.connect() as connection:
        encoding = connection.exec_driver_sql("SHOW server_encoding").scalar_one()
    if encoding != "UTF8":
        raise ServiceError(
            f"database {place.shown} has the encoding {encoding}; make one with CREATE DATABASE … ENCODING 'UTF8' "
            "TEMPLATE template0"
        )


def require_artifacts(place: Place) -> None:
    """Refuse a folder for artifacts that cannot be written; it is made if need be. A bucket is asked by uploads only.

    Raises:
        ServiceError: it cannot be written.
    """
    if "://" in place.artifacts:
        return
    try:
        Path(place.artifacts).mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=place.artifacts):
            pass
    except OSError as error:
        raise ServiceError(f"artifacts = {place.artifacts}: {error.strerror}; name one that can be written") from error


@contextmanager
def reaching(place: Place) -> Iterator[None]:
    """Tell what the database refuses in this block.

    Raises:
        ServiceError: in the block there was an error of the database.
    """
    try:
        yield
    except SQLAlchemyError as error:
        reason = str(error.__cause__ or error).splitlines()[0]
        raise ServiceError(
            f"database {place.shown} cannot be used: {reason}. Check that it runs, its name and its password."
        ) from error
