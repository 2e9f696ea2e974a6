"""The folder of a run on this machine: its files are written there before they are uploaded."""

import logging
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from msl import schema
from msl.errors import TrackingError
from msl.tracking.locks import lock, network_file_system
from msl.tracking.sender import is_finished, is_sent

log = logging.getLogger("msl")


def work_folder() -> Path:
    """The folder of all runs on this machine: MSL_WORK, else ``.msl`` below the working directory."""
    return Path(os.environ.get("MSL_WORK") or ".msl").absolute()


def is_in_use(folder: Path) -> bool:
    """Whether a process on this machine is training the run of this folder."""
    with (folder / "lock").open("w") as file:
        return not lock(file, is_shared=True)


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
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = (folder / "lock").open("w")
    except OSError as error:
        raise TrackingError(f"{folder} cannot be written: {error.strerror}. Set MSL_WORK to another folder.") from error
    with file:
        if not lock(file):
            raise TrackingError(
                f"another process on this machine is training run {run_id}; wait until it has ended, or stop it"
            )
        _tell_of_network(folder)
        try:
            yield folder
        except BaseException:
            if is_finished(folder / schema.JOURNAL_FOLDER):  # a signal came after the end
                shutil.rmtree(folder, ignore_errors=True)
            raise
        if not stays:
            remove_sent(folder)


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
