"""Where a service stores its data: the databases, the artifacts and the private files."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile

import sqlalchemy as sa
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from msl.errors import ServiceError
from msl.service.settings import StorageConfig

RUN_STORE, ACCOUNTS, ARTIFACTS = "mlflow.db", "accounts.db", "mlartifacts"
_PRIVATE = Path(".msl") / "service"


@dataclass(frozen=True)
class Storage:
    """Where a service stores its data, with every default filled in."""

    runs: str  # SQLAlchemy URI of MLflow's tables
    accounts: str  # SQLAlchemy URI of the accounts' tables: the same PostgreSQL database, or another SQLite file
    artifacts: str  # absolute folder, or s3://…
    private: Path  # folder that only the service's user may read

    @property
    def on_sqlite(self) -> bool:
        """Whether its databases are files."""
        return self.runs.startswith("sqlite")

    @property
    def address(self) -> str:
        """The run store's address without its password."""
        return make_url(self.runs).render_as_string(hide_password=True)


def resolve(config: StorageConfig) -> Storage:
    """The storage that the settings name; its folder is made if it does not exist.

    Raises:
        ServiceError: the folder cannot be written, or the database is of an unknown kind.
    """
    folder = config.folder.absolute()
    private = folder / _PRIVATE
    try:
        private.mkdir(parents=True, exist_ok=True)
        private.chmod(0o700)
    except OSError as error:
        raise ServiceError(f"folder = {config.folder}: {error.strerror}; name a folder that can be written") from error
    runs, accounts = f"sqlite:///{folder / RUN_STORE}", f"sqlite:///{private / ACCOUNTS}"
    if config.database is not None:
        runs = accounts = _postgresql(config.database, config.database_password_file)
    artifacts = config.artifacts or str(folder / ARTIFACTS)
    return Storage(runs, accounts, artifacts if "://" in artifacts else str(Path(artifacts).absolute()), private)


def _postgresql(uri: str, password_file: Path | None) -> str:
    try:
        url = make_url(uri)
    except ArgumentError:
        url = URL.create("")
    if url.get_backend_name() not in ("postgresql", "postgres"):
        kind = url.drivername or "no URI"
        raise ServiceError(f"database is {kind}: pass postgresql://USER@HOST/NAME, or none for SQLite files")
    if password_file is not None:
        url = url.set(password=read_secret(password_file, "database_password_file"))
    return url.set(drivername="postgresql+psycopg").render_as_string(hide_password=False)


def read_secret(path: Path, option: str) -> str:
    """The secret in a file of one line.

    Raises:
        ServiceError: the file is missing or empty.
    """
    try:
        secret = path.read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ServiceError(f"{option} = {path} cannot be read: {error}") from error
    if not secret:
        raise ServiceError(f"{option} = {path} is empty; write the password into it")
    return secret


def write_private_file(path: Path, content: str) -> None:
    """Write a file that nobody else may read, not even for a moment."""
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(content)


def load_or_make_secret(path: Path) -> str:
    """The secret in a private file; the first call makes a random one."""
    if not path.exists():
        write_private_file(path, secrets.token_urlsafe(32))
    return path.read_text()


@contextmanager
def private_files() -> Iterator[None]:
    """Only the user of this process may read what this block and the processes that it starts write."""
    before = os.umask(0o077)
    try:
        yield
    finally:
        os.umask(before)


def make_private(storage: Storage) -> None:
    """Let only the service's user read what an earlier start has written with another umask."""
    for uri in {storage.runs, storage.accounts}:
        if storage.on_sqlite:
            file = Path(make_url(uri).database or "")
            for path in file.parent.glob(f"{file.name}*"):
                _make_private(path)
    for path in storage.private.iterdir():
        _make_private(path)
    if "://" not in storage.artifacts and Path(storage.artifacts).is_dir():
        _make_private(Path(storage.artifacts))


def _make_private(path: Path) -> None:
    with suppress(FileNotFoundError):  # SQLite's journal, while a run writes to the file without a server
        path.chmod(0o700 if path.is_dir() else 0o600)


@contextmanager
def open_engine(uri: str, connect_timeout_s: int = 10) -> Iterator[sa.Engine]:
    """An engine for this block; it waits no longer than this for the database to answer."""
    arguments = {} if uri.startswith("sqlite") else {"connect_timeout": connect_timeout_s, "client_encoding": "utf8"}
    engine = sa.create_engine(uri, connect_args=arguments)
    try:
        yield engine
    finally:
        engine.dispose()


def require_database(storage: Storage) -> None:
    """Stop if the database cannot be used; SQLite's database is a file and needs no check.

    Raises:
        ServiceError: it does not answer, refuses the password, or does not store text as UTF-8.
    """
    if storage.on_sqlite:
        return
    with database_errors(storage), open_engine(storage.runs) as engine, engine.connect() as connection:
        encoding = connection.exec_driver_sql("SHOW server_encoding").scalar_one()
    if encoding != "UTF8":
        raise ServiceError(
            f"database {storage.address} has the encoding {encoding}; make one with CREATE DATABASE … ENCODING 'UTF8' "
            "TEMPLATE template0"
        )


def require_artifacts(storage: Storage) -> None:
    """Stop if the folder for artifacts cannot be written; it is made if it does not exist. A bucket is not checked.

    Raises:
        ServiceError: the folder cannot be written.
    """
    if "://" in storage.artifacts:
        return
    try:
        Path(storage.artifacts).mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=storage.artifacts):
            pass
    except OSError as error:
        raise ServiceError(
            f"artifacts = {storage.artifacts}: {error.strerror}; name a folder that can be written"
        ) from error


@contextmanager
def database_errors(storage: Storage) -> Iterator[None]:
    """Raise errors of the database in this block as ServiceError.

    Raises:
        ServiceError: the database failed.
    """
    try:
        yield
    except SQLAlchemyError as error:
        reason = str(error.__cause__ or error).splitlines()[0]
        raise ServiceError(
            f"database {storage.address} cannot be used: {reason}. Check that it runs, its name and its password."
        ) from error
