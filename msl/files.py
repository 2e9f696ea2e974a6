"""Files that are whole or absent: nobody ever sees half of one."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from msl.errors import MslError


@contextmanager
def whole_file(
    path: Path, error: type[MslError], way_out: str = "Name another folder.", durable: bool = True
) -> Iterator[Path]:
    """A temporary file that becomes `path` when the block ends well; until then `path` stays what it was.

    Args:
        path: the file; folders above it are made.
        error: what to raise.
        way_out: end of its message.
        durable: wait until the content is on the disk, so that a power cut cannot leave an empty file of that name.

    Raises:
        MslError: of the class `error`; the folder cannot be written or the disk is full.
    """
    temporary = path.with_name(f".{path.stem}.{os.getpid()}.tmp{path.suffix}")
    try:
        make_folder(path.parent, error, way_out)
        yield temporary
        if durable:
            with temporary.open("rb") as file:
                os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as reason:
        raise error(_refusal(path, reason, way_out)) from reason
    finally:
        temporary.unlink(missing_ok=True)


def make_folder(folder: Path, error: type[MslError], way_out: str = "Name another folder.") -> None:
    """Make a folder and those above it; raises as `whole_file` does."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as reason:
        raise error(_refusal(folder, reason, way_out)) from reason


def _refusal(path: Path, reason: OSError, way_out: str) -> str:
    return f"{path} cannot be written: {reason.strerror or reason}. {way_out}"
