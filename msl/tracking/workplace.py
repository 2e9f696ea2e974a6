"""The folder of a run on this machine: where its files are before they are uploaded."""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from msl.errors import TrackingError


@contextmanager
def workplace(run_id: str) -> Iterator[Path]:
    """A folder for one run, held by one process; removed when the block ends well, kept for a resume when it fails.

    It lies in ``.msl`` below the working directory (MSL_WORK moves it). The lock goes with the process, however that
    ends.

    Raises:
        TrackingError: the folder cannot be written, or another process is at work in it.
    """
    folder = Path(os.environ.get("MSL_WORK") or ".msl").absolute() / run_id
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / "lock").open("w")
    except OSError as error:
        raise TrackingError(f"{folder} cannot be written: {error.strerror}. MSL_WORK names another place.") from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise TrackingError(f"run {run_id} is being trained by another process on this machine") from None
        yield folder
        shutil.rmtree(folder, ignore_errors=True)
