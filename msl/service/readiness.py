"""Whether the service can do its work now: its databases can be written, and its disk has space."""

import asyncio
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryFile
from time import monotonic
from urllib.parse import quote

from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError
from starlette.concurrency import run_in_threadpool

from msl.service.storage import open_engine

_NEW_FOR_S = 1.0  # so nobody can keep the database busy by asking
_DATABASE_PATIENCE_S = 3.0
_LEAST_SPACE_BYTES = 256 * 1024


class Readiness:
    """Looks at the databases and the disk, at most once a second however many ask."""

    def __init__(self, databases: Sequence[str], folders: Sequence[Path]) -> None:
        """Remember what to look at.

        Args:
            databases: SQLAlchemy URIs.
            folders: where the service writes files.
        """
        self._databases, self._folders = tuple(dict.fromkeys(databases)), tuple(folders)
        self._look: asyncio.Task[str | None] | None = None
        self._started_s = 0.0

    async def fault(self) -> str | None:
        """Why the service cannot do its work, or None."""
        if self._look is None or (self._look.done() and monotonic() - self._started_s > _NEW_FOR_S):
            self._started_s = monotonic()
            self._look = asyncio.create_task(run_in_threadpool(self._fault))
        return await asyncio.shield(self._look)

    def _fault(self) -> str | None:
        if any(not is_writable(uri) for uri in self._databases):
            return "the database cannot be reached or written; the log of the service says why"
        if any(not has_space(folder) for folder in self._folders):
            return "the disk of the service is full or cannot be written"
        return None


def is_writable(uri: str) -> bool:
    """Whether a database answers and takes a write within a few seconds; a missing SQLite file is not made."""
    try:
        if uri.startswith("sqlite"):
            _begin_to_write(Path(make_url(uri).database or ""))
        else:
            with open_engine(uri, int(_DATABASE_PATIENCE_S)) as engine, engine.connect() as connection:
                connection.exec_driver_sql("SELECT 1")
    except (sqlite3.Error, SQLAlchemyError):
        return False
    return True


def has_space(folder: Path) -> bool:
    """Whether a small file can be written."""
    try:
        with TemporaryFile(dir=folder, buffering=0) as file:
            return file.write(bytes(_LEAST_SPACE_BYTES)) == _LEAST_SPACE_BYTES
    except OSError:
        return False


def _begin_to_write(file: Path) -> None:
    uri = f"file:{quote(str(file))}?mode=rw"
    with closing(sqlite3.connect(uri, uri=True, timeout=_DATABASE_PATIENCE_S)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("SELECT count(*) FROM sqlite_master")
        connection.rollback()
