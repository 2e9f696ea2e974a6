"""The folder of a run on this machine: its files are written there before they are uploaded."""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from msl.errors import TrackingError


@contextmanager
def run_folder(run_id: str) -> Iterator[Path]:
    """A folder for one run, locked by one process. It is removed after the block, or kept for a resume after an error.

    It is in ``.msl`` below the working directory, or in the folder MSL_WORK. The lock ends with the process, however
    the process ends.

    Raises:
        TrackingError: the folder cannot be written, or another process uses it.
    """
    folder = Path(os.environ.get("MSL_WORK") or ".msl").absolute() / run_id
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / "lock").open("w")
    except OSError as error:
        raise TrackingError(f"{folder} cannot be written: {error.strerror}. Set MSL_WORK to another folder.") from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise TrackingError(
                f"another process on this machine is training run {run_id}; wait until it has ended, or stop it"
            ) from None
        yield folder
        shutil.rmtree(folder, ignore_errors=True)
