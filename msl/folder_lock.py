"""One process of this machine at a time works in a folder; no file of the lock stays."""

import fcntl
import math
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_LOOK_EVERY_S = 0.01


@contextmanager
def alone(folder: Path, patience_s: float = math.inf) -> Iterator[None]:
    """Within this block, no other process of this machine is in such a block of the same folder.

    Nobody waits where the folder cannot be read, or is on a file system without locks.

    Args:
        folder: one that exists.
        patience_s: after so many seconds this process goes on, whoever else is there.
    """
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError:
        yield
        return
    try:
        with suppress(OSError):
            _lock(descriptor, patience_s)
        yield
    finally:
        with suppress(OSError):  # closing is not enough: a fork may have the descriptor, too
            fcntl.flock(descriptor, fcntl.LOCK_UN)
        os.close(descriptor)


def _lock(descriptor: int, patience_s: float) -> None:
    if patience_s == math.inf:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        return
    until = time.monotonic() + patience_s
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > until:
                raise
            time.sleep(_LOOK_EVERY_S)
        else:
            return
