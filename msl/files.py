"""Files that are whole or absent: nobody ever sees half of one."""

import errno
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from msl.errors import MslError

_TEMPORARY = re.compile(r"\..+\.\d+\.tmp(\.\w+)?")


@contextmanager
def whole_file(
    path: Path, error: type[MslError], way_out: str = "Name another folder.", durable: bool = True
) -> Iterator[Path]:
    """A temporary file that becomes `path` when the block ends well; until then `path` stays what it was.

    Args:
        path: the file; folders above it are made.
        error: what to raise.
        way_out: end of its message.
        durable: wait until content and name are on the disk, so that a power cut leaves neither an empty file nor none.

    Raises:
        MslError: of the class `error`; the folder cannot be written or the disk is full.
    """
    temporary = path.with_name(f".{path.stem}.{os.getpid()}.tmp{path.suffix}")
    try:
        make_folder(path.parent, error, way_out)
        yield temporary
        if durable:
            sync_path(temporary)
        temporary.replace(path)
        if durable:
            sync_folder(path.parent)
    except OSError as reason:
        raise error(_refusal(path, reason, way_out)) from reason
    finally:
        with suppress(OSError):  # it must not hide the reason
            temporary.unlink()


def temporary_files(folder: Path) -> Iterator[Path]:
    """The temporary files of `whole_file` below a folder; if nobody writes there, they are of killed processes."""
    return (path for path in files_below(folder) if _TEMPORARY.fullmatch(path.name))


def files_below(folder: Path) -> Iterator[Path]:
    """The files below a folder, where others may write and remove some meanwhile: pathlib's `rglob` stops at that.

    What may not be read is left out; any other trouble of a disk or a network is raised.
    """
    return (Path(place, name) for place, _, names in os.walk(folder, onerror=_raise_trouble) for name in names)


def _raise_trouble(error: OSError) -> None:
    if not isinstance(error, FileNotFoundError | NotADirectoryError | PermissionError):
        raise error


def sync_folder(folder: Path) -> None:
    """Wait until the names in a folder are on the disk. A file system that cannot do that is left as it is."""
    try:
        sync_path(folder)
    except OSError as reason:
        if reason.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise


def sync_path(path: Path) -> None:
    """Wait until the content of a file, or the names in a folder, are on the disk.

    Raises:
        OSError: the disk refuses.
    """
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_folder(folder: Path, error: type[MslError], way_out: str = "Name another folder.") -> None:
    """Make a folder and those above it; raises as `whole_file` does."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as reason:
        raise error(_refusal(folder, reason, way_out)) from reason


def _refusal(path: Path, reason: OSError, way_out: str) -> str:
    return f"{path} cannot be written: {reason.strerror or reason}. {way_out}"
