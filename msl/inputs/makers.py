"""The processes that make one styled copy, as they see each other: a file for each, locked for as long as it lives."""

import logging
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from msl.errors import DataError
from msl.files import make_folder, temporary_files
from msl.folder_lock import alone
from msl.tracking import lock, this_process

log = logging.getLogger("msl")

_FOLDER, _LOCK = ".makers", "lock"
_PATIENCE_S = 1.0  # for a maker that stands still: who makes a copy is only told


class Makers:
    """The other processes that make a copy."""

    def __init__(self, folder: Path, run_id: str) -> None:
        self._folder, self._run_id = folder, run_id
        self._known: frozenset[str] = frozenset()

    def others(self) -> frozenset[str]:
        """The living ones: run, process and machine, as text. Files of dead ones go."""
        with alone(self._folder, _PATIENCE_S):
            files = [file for file in self._folder.iterdir() if file.name not in (_LOCK, self._run_id)]
            return frozenset(filter(None, map(_living, files)))

    def tell_changes(self) -> frozenset[str]:
        """Log which processes have come and gone since the last call; gives those that live."""
        others = self.others()
        for maker in sorted(others - self._known):
            log.info("%s makes this copy, too; the images are shared", maker)
        for maker in sorted(self._known - others):
            log.info("%s has ended; this run makes what is left", maker)
        self._known = others
        return others


@contextmanager
def making(copy_folder: Path, run_id: str) -> Iterator[Makers]:
    """Within this block, other processes see that this one makes the copy. The last one clears up.

    Args:
        copy_folder: of the copy.
        run_id: of the run that makes it.

    Raises:
        DataError: the folder cannot be written.
    """
    folder = copy_folder / _FOLDER
    make_folder(folder, DataError)
    with (folder / _LOCK).open("a+b") as shared:
        lock(shared, is_shared=True, waits=True)  # until the last one has cleared up
        with ExitStack() as stack:
            with alone(folder, _PATIENCE_S):  # else others may take the file for a dead process's before it is locked
                file = stack.enter_context((folder / run_id).open("wb"))
                lock(file, waits=True)
                file.write(f"run {run_id} ({this_process()})".encode())
                file.flush()
            try:
                yield Makers(folder, run_id)
            finally:
                (folder / run_id).unlink(missing_ok=True)
        if lock(shared):  # this is the last one
            for leftover in list(temporary_files(copy_folder)):  # of processes that were killed
                leftover.unlink(missing_ok=True)


def _living(file: Path) -> str:
    """What a living process says of itself; empty if it has ended."""
    try:
        with file.open("rb") as stream:
            if not lock(stream, is_shared=True):
                return stream.read().decode()
        file.unlink(missing_ok=True)
    except FileNotFoundError:
        pass  # it has just ended
    return ""
