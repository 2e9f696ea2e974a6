"""Many files made once each, by any number of processes that are started and killed at will."""

import fcntl
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from msl.errors import DataError
from msl.files import whole_file

_PATIENCE = 0.2  # seconds between two looks at what other processes are making


def make_each(paths: Sequence[Path], make: Callable[[int], bytes], lock: Path) -> Iterator[tuple[int, bool]]:
    """See to it that every file exists; those that do are left alone.

    Whoever locks byte k of the lock file makes file k. The lock goes with its process, however that ends, and a file
    gets its name when it is whole. So nothing is made twice, and no half file is left.

    Args:
        paths: the files, the same for all processes that share the work.
        make: a file's content, by its place in `paths`.
        lock: a file next to them.

    Yields:
        Each file's place when it exists, and whether this call has made it.

    Raises:
        DataError: the folder cannot be written.
    """
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("a") as claims:
        left = list(range(len(paths)))
        while left:
            others = []
            for place in left:
                if paths[place].exists():
                    yield place, False
                elif not _claim(claims.fileno(), place):
                    others.append(place)
                else:
                    with _freed(claims.fileno(), place):
                        ours = not paths[place].exists()  # another may just have made it
                        if ours:
                            write_whole(paths[place], make(place))
                    yield place, ours
            left = others
            if left:
                time.sleep(_PATIENCE)


def write_whole(path: Path, content: bytes) -> None:
    """Write a file that at any moment is whole or absent.

    Raises:
        DataError: it cannot be written.
    """
    with whole_file(path, DataError) as temporary:
        temporary.write_bytes(content)


def _claim(file: int, place: int) -> bool:
    try:
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, place)
    except OSError:
        return False
    return True


@contextmanager
def _freed(file: int, place: int) -> Iterator[None]:
    try:
        yield
    finally:
        fcntl.lockf(file, fcntl.LOCK_UN, 1, place)
