"""One service a folder, one database a service, and no worker without its parent."""

import fcntl
import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock, Thread

from msl.errors import ServiceError

_GRACE_S = 5.0  # for the requests of a worker whose parent has gone


@contextmanager
def only_service(private: Path) -> Iterator[None]:
    """Hold a folder for this process; the system lets go of it when the process ends, however it ends.

    Raises:
        ServiceError: another process serves the folder; the message names it.
    """
    path = private / "lock"
    with os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), "r+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ServiceError(
                f"folder = {private.parent.parent} is served already, by {file.read().strip()}; stop that server, or "
                "name another folder"
            ) from None
        file.truncate(0)
        file.write(f"process {os.getpid()} on {os.uname().nodename} since {datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC\n")
        file.flush()
        yield


def end_with_parent() -> None:
    """Let this worker end when its parent has ended; a process that is no worker stays."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        Thread(target=_wait_for, args=(parent.join,), daemon=True).start()


def _wait_for(parent_has_ended: Callable[[], None]) -> None:
    parent_has_ended()
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(_GRACE_S)
    os._exit(1)


class DatabaseFiles:
    """SQLite's files as they are on the disk: whether they exist, and whether they are still the ones that are open.

    SQLite goes on with a file that was removed or replaced, so one worker would answer from the old database and
    another one from the new.
    """

    def __init__(self, paths: Sequence[Path], close: Callable[[], None]) -> None:
        """Remember the files of now; `close` closes all connections to them."""
        self._paths, self._close = tuple(paths), close
        self._identities = [_identity(path) for path in self._paths]
        self._lock = Lock()

    def are_present(self) -> bool:
        """Whether all files exist; connections to files that were replaced are closed first."""
        identities = [_identity(path) for path in self._paths]
        if identities != self._identities:
            with self._lock:
                self._close()
                self._identities = identities
        return None not in identities


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return (status.st_dev, status.st_ino)
