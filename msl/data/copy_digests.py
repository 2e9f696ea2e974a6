"""The digests of the images of a styled copy, in a file beside them: one line for each image, as it was written.

Several processes append to the file. A line that is torn by a power cut counts as none.
"""

import fcntl
import json
import os
from dataclasses import asdict, dataclass
from hashlib import file_digest
from pathlib import Path

FILE = ".digests.jsonl"


@dataclass(frozen=True)
class _Written:
    """A file as it was written."""

    name: str  # below the folder
    sha256: str
    size: int  # bytes
    mtime_ns: int


class CopyDigests:
    """The digests of the files below one folder."""

    def __init__(self, folder: Path) -> None:
        """Read what is known; a folder without the file is of an older copy, and nothing is known."""
        self._folder, self._file = folder, folder / FILE
        self._written: dict[str, _Written] = {}
        self._offset = 0
        self._read_on()

    def __bool__(self) -> bool:
        """Whether anything is known."""
        return bool(self._written)

    def digest(self, path: Path) -> str | None:
        """SHA-256 of a file as it was written; None if that is not known."""
        written = self._find(path)
        return None if written is None else written.sha256

    def is_unchanged(self, path: Path) -> bool:
        """Whether a file is there and, as far as its size and time tell, as it was written; it is read if they differ.

        If its digest is not known, it only has to be there.
        """
        try:
            status = path.stat()
        except OSError:
            return False
        written = self._find(path)
        if written is None or (status.st_size, status.st_mtime_ns) == (written.size, written.mtime_ns):
            return True
        return status.st_size == written.size and _sha256(path) == written.sha256

    def is_whole(self, path: Path) -> bool | None:
        """Whether a file that is there has the content that was written; None if that is not known."""
        written = self._find(path)
        return None if written is None else _sha256(path) == written.sha256

    def add(self, path: Path) -> None:
        """Note a file as it is now."""
        status = path.stat()
        written = _Written(self._name(path), _sha256(path), status.st_size, status.st_mtime_ns)
        with self._file.open("ab") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            file.write(b"\n" * self._is_torn() + json.dumps(asdict(written)).encode() + b"\n")

    def _is_torn(self) -> bool:
        """Whether the file ends within a line."""
        with self._file.open("rb") as file:
            if file.seek(0, os.SEEK_END) == 0:
                return False
            file.seek(-1, os.SEEK_END)
            return file.read(1) != b"\n"

    def _find(self, path: Path) -> _Written | None:
        name = self._name(path)
        if name not in self._written:
            self._read_on()  # another process may just have added it
        return self._written.get(name)

    def _name(self, path: Path) -> str:
        return path.relative_to(self._folder).as_posix()

    def _read_on(self) -> None:
        try:
            with self._file.open("rb") as file:
                file.seek(self._offset)
                content = file.read()
        except OSError:
            return
        lines = content[: content.rfind(b"\n") + 1]
        self._offset += len(lines)
        for line in lines.splitlines():
            try:
                written = _Written(**json.loads(line))
            except (ValueError, TypeError):
                continue
            self._written[written.name] = written


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()
