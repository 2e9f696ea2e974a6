"""The folder of a run on this machine: its files are written there before they are uploaded."""

import logging
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from msl import schema
from msl.errors import TrackingError
from msl.tracking.locks import lock, network_file_system
from msl.tracking.progress import is_finished, is_sent

LOCK_FILE = "lock"
STARTS_FOLDER = "start"  # results that the run starts from
RESUME_FOLDER = "resume"  # its own checkpoints from the server
DOWNLOAD_FOLDERS = (STARTS_FOLDER, RESUME_FOLDER)  # copies of what is on the server
_LOOK_S, _LOOKS = 2.0, 100  # for so long, counted in looks: a machine may stand still between two of them

log = logging.getLogger("msl")


def work_folder() -> Path:
    """The folder of all runs on this machine: MSL_WORK, else ``.msl`` below the working directory."""
    return Path(os.environ.get("MSL_WORK") or ".msl").absolute()


def is_in_use(folder: Path) -> bool:
    """Whether a process on this machine is training the run of this folder."""
    try:
        with (folder / LOCK_FILE).open() as file:
            return not lock(file, is_shared=True)
    except FileNotFoundError:
        return False


@contextmanager
def held(folder: Path) -> Iterator[bool]:
    """Within this block, no process on this machine begins to train the run; False if one trains it, or it is gone."""
    try:
        file = (folder / LOCK_FILE).open("a")
    except FileNotFoundError:
        yield False
        return
    with file:
        yield lock(file) and _is_at(file, folder / LOCK_FILE)  # else another process has removed the folder meanwhile


@contextmanager
def run_folder(run_id: str, stays: bool = False) -> Iterator[Path]:
    """A folder for one run, locked by one process. It is removed after the block, unless it `stays` for another run.

    After an error it is kept for a resume, unless the run has finished before; while something in it is not sent, it is
    kept for `msl sync`.

    The lock ends with the process, however the process ends.

    Raises:
        TrackingError: the folder cannot be written, or another process uses it.
    """
    folder = work_folder() / run_id
    with _locked(folder):
        _tell_of_network(folder)
        try:
            yield folder
        except BaseException:
            if is_finished(folder / schema.JOURNAL_FOLDER):  # a signal came after the end
                shutil.rmtree(folder, ignore_errors=True)
            raise
        if not stays:
            remove_sent(folder)


def _locked(folder: Path) -> IO[str]:
    """The locked file of a run's folder.

    Whoever only looks at a folder, such as `msl sync`, holds its lock for a moment, and may remove the folder.
    """
    tries = 0
    while True:
        file = opened(folder)
        is_ours = lock(file)
        if is_ours and _is_at(file, folder / LOCK_FILE):
            return file
        file.close()
        tries += 1
        if not is_ours and tries > _LOOKS:
            raise TrackingError(
                f"another process on this machine is training run {folder.name}; wait until it has ended, or stop it"
            )
        time.sleep(_LOOK_S / _LOOKS)


def opened(folder: Path) -> IO[str]:
    """The file of a run's folder that is to be locked, not locked yet; the folder is made where it is not.

    Raises:
        TrackingError: the folder cannot be written.
    """
    tries = 0
    while True:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            return (folder / LOCK_FILE).open("w")
        except OSError as error:
            tries += 1
            # The folder was removed before the file was opened, or while mkdir looked whether it is one.
            may_be_removed = isinstance(error, FileNotFoundError | FileExistsError)
            if not may_be_removed or tries > 10 * _LOOKS:
                raise TrackingError(
                    f"{folder} cannot be written: {error.strerror}. Set MSL_WORK to another folder."
                ) from error
            time.sleep(_LOOK_S / (10 * _LOOKS))


def _is_at(file: IO[str], path: Path) -> bool:
    """Whether an open file is still the one at a path."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False


def remove_sent(folder: Path) -> None:
    """Remove the folder of a finished run, unless something in it is not sent: `msl sync` needs it then."""
    journal = folder / schema.JOURNAL_FOLDER
    if not journal.is_dir() or is_sent(journal):
        shutil.rmtree(folder, ignore_errors=True)


def _tell_of_network(folder: Path) -> None:
    if kind := network_file_system(folder):
        log.warning(
            "%s is on a network file system (%s). Everything works there, but each checkpoint waits for the network: "
            "set MSL_WORK to a folder on a disk of this machine.",
            folder.parent,
            kind,
        )
