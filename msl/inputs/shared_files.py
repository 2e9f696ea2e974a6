"""Many files, each made once, by any number of processes, which may be killed at any time."""

import fcntl
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from msl.errors import DataError
from msl.files import whole_file

_WAIT_S = 0.2  # between two checks of the files that other processes are making


class FilesToMake(Protocol):
    """The files that processes share, the same for all of them."""

    @property
    def paths(self) -> Sequence[Path]:
        """The files."""

    def is_whole(self, index: int) -> bool:
        """Whether a file that is there is the one that was written."""

    def make(self, index: int) -> None:
        """Make a file, in place of a damaged one if there is one."""


def make_each(files: FilesToMake, lock: Path, waiting: Callable[[int], None]) -> Iterator[tuple[int, bool]]:
    """Make every file that does not exist or is damaged.

    The process that locks byte k of the lock file makes file k. The lock ends with the process, however the process
    ends, and a file gets its name when it is complete. So no file is made twice, and no half file remains.

    Args:
        files: what to make.
        lock: a file next to them.
        waiting: called with the number of files that other processes are making, again and again.

    Yields:
        The index of each file as soon as it exists, and whether this call has made it.

    Raises:
        DataError: the folder cannot be written.
    """
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("a") as claims:
        missing = list(range(len(files.paths)))
        while missing:
            claimed_elsewhere = []
            for index in missing:
                if not _claim(claims.fileno(), index):
                    claimed_elsewhere.append(index)
                    continue
                with _release_after(claims.fileno(), index):
                    is_new = not (files.paths[index].exists() and files.is_whole(index))
                    if is_new:
                        files.make(index)
                yield index, is_new
            missing = claimed_elsewhere
            if missing:
                waiting(len(missing))
                time.sleep(_WAIT_S)


def write_whole(path: Path, content: bytes) -> None:
    """Write a file that at any moment is complete or absent.

    Raises:
        DataError: the file cannot be written.
    """
    with whole_file(path, DataError) as temporary:
        temporary.write_bytes(content)


def _claim(file: int, index: int) -> bool:
    try:
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, index)
    except OSError:
        return False
    return True


@contextmanager
def _release_after(file: int, index: int) -> Iterator[None]:
    try:
        yield
    finally:
        fcntl.lockf(file, fcntl.LOCK_UN, 1, index)
