"""Many files, each made once, by any number of processes, which may be killed at any time."""

import fcntl
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from msl.errors import DataError
from msl.files import whole_file

_WAIT_S = 0.2  # between two checks of the files that other processes are making


def make_each(paths: Sequence[Path], make: Callable[[int], bytes], lock: Path) -> Iterator[tuple[int, bool]]:
    """Make every file that does not exist.

    The process that locks byte k of the lock file makes file k. The lock ends with the process, however the process
    ends, and a file gets its name when it is complete. So no file is made twice, and no half file remains.

    Args:
        paths: the files, the same for all processes that share the work.
        make: gives a file's content, by its index in `paths`.
        lock: a file next to them.

    Yields:
        The index of each file as soon as it exists, and whether this call has made it.

    Raises:
        DataError: the folder cannot be written.
    """
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("a") as claims:
        missing = list(range(len(paths)))
        while missing:
            claimed_elsewhere = []
            for index in missing:
                if paths[index].exists():
                    yield index, False
                elif not _claim(claims.fileno(), index):
                    claimed_elsewhere.append(index)
                else:
                    with _release_after(claims.fileno(), index):
                        is_new = not paths[index].exists()  # another process may just have made it
                        if is_new:
                            write_whole(paths[index], make(index))
                    yield index, is_new
            missing = claimed_elsewhere
            if missing:
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
