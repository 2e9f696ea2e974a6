"""The journal of a run: everything that it records, appended to files on this machine before it is sent anywhere.

A record is one line: version, number, length and CRC-32 of its content, and the content as JSON. A process that is
killed leaves at most one torn line at the end, and damage anywhere costs only the lines that it hits.
"""

import errno
import json
import os
import re
import threading
import zlib
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from msl.errors import TrackingError
from msl.files import make_folder, sync_folder, sync_path

VERSION = 1
_SUFFIX = ".journal"
_SEGMENT_BYTES = 16 * 2**20
_RESERVE_BYTES = 64 * 2**10  # freed when the disk is full, so that the end of the run still fits
_HEADER = re.compile(rb"v(\d+) (\d{12}) (\d{8}) ([0-9a-f]{8}) ")
_CLOSED = -1  # no file has this number: a late record is refused, and not written into a file of somebody else
_WAY_OUT = "Free space there, or set MSL_WORK to another folder."


class Record(NamedTuple):
    """One entry of a journal."""

    number: int  # counts from 1
    content: Mapping[str, Any]


@dataclass(frozen=True)
class Damage:
    """Bytes of a segment that hold no whole record."""

    file: Path
    offset: int
    length: int
    reason: str

    def __str__(self) -> str:
        return f"{self.file}: {self.length} bytes from {self.offset} are no record of a journal: {self.reason}"


class Journal:
    """Appends records; one process at a time, any of its threads."""

    def __init__(self, folder: Path) -> None:
        """Open the journal in a folder, or begin one. A torn line at its end is left; records follow on a new line.

        Raises:
            TrackingError: the folder cannot be written.
        """
        make_folder(folder, TrackingError, _WAY_OUT)
        self.folder = folder
        self.number = max((record.number for record in Reader(folder).new()), default=0)
        self._lock = threading.Lock()
        self._size, self._are_names_safe = 0, False  # of the present segment
        with plain_errors(self.folder):
            for file in segments(folder)[-1:]:  # an earlier process may have been killed before it had synced it
                sync_path(file)
            self._file = self._new_segment()
            self._reserve = _reserved(folder / "reserve")

    def append(self, content: Mapping[str, Any], last: bool = False) -> int:
        """Add a record; it survives the end of this process, and after `sync` a power cut.

        Args:
            content: values that JSON can hold.
            last: it is the last record of a run: if the disk is full, it takes the reserve.

        Returns:
            Its number.

        Raises:
            TrackingError: it cannot be written, for instance because the disk is full. The journal is as before.
        """
        text = json.dumps(content, separators=(",", ":")).encode()
        with self._lock, plain_errors(self.folder):
            line = _line(self.number + 1, text)
            if self._size + len(line) > _SEGMENT_BYTES and self._size:
                self._next_segment()
            try:
                self._write(line)
            except OSError as error:
                if not (last and error.errno in (errno.ENOSPC, errno.EDQUOT)):
                    raise
                self._reserve.unlink(missing_ok=True)
                self._write(line)
            self.number += 1
            return self.number

    def sync(self) -> None:
        """Return when every record is on the disk; other threads append meanwhile.

        Raises:
            TrackingError: the disk refuses.
        """
        with plain_errors(self.folder):
            with self._lock:
                file = os.dup(self._file)
            try:
                os.fsync(file)
            finally:
                os.close(file)
            if not self._are_names_safe:
                self._are_names_safe = True
                _sync_names(self.folder)

    def close(self) -> None:
        """Close the file; the reserve is no longer needed."""
        with self._lock:
            os.close(self._file)
            self._file = _CLOSED
        self._reserve.unlink(missing_ok=True)

    def _write(self, line: bytes) -> None:
        """Write the whole line or nothing."""
        try:
            if os.write(self._file, line) != len(line):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except OSError:
            os.ftruncate(self._file, self._size)
            raise
        self._size += len(line)

    def _next_segment(self) -> None:
        os.fsync(self._file)
        os.close(self._file)
        self._file = self._new_segment()

    def _new_segment(self) -> int:
        self._size, self._are_names_safe = 0, False
        number = max((int(file.stem) for file in segments(self.folder)), default=0) + 1
        file = self.folder / f"{number:06d}{_SUFFIX}"
        return os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_EXCL, 0o644)


class Reader:
    """Reads a journal from its beginning, also while another process appends to it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._offsets: dict[Path, int] = {}
        self.damage: list[Damage] = []  # found so far

    def new(self) -> Iterator[Record]:
        """The records that were added since the last call, oldest first; damage is collected."""
        files = segments(self._folder)
        for file in files:
            start = self._offsets.get(file, 0)
            with file.open("rb") as stream:
                stream.seek(start)
                content = stream.read()
            end = yield from self._records(file, content, start, file == files[-1])
            self._offsets[file] = end

    def _records(self, file: Path, content: bytes, start: int, is_open: bool) -> Generator[Record, None, int]:
        """The whole records of a part of a segment; returns the offset behind the last byte that is done with."""
        at = 0
        while at < len(content):
            record, length, reason = _parse(content, at)
            if record is not None:
                yield record
                at += length
                continue
            line_end = content.find(b"\n", at) + 1
            if not line_end and is_open:
                break  # the line may still grow
            line_end = line_end or len(content)
            self.damage.append(Damage(file, start + at, line_end - at, reason))
            at = line_end
        return start + at


def _parse(content: bytes, at: int) -> tuple[Record | None, int, str]:
    """The record that begins at an offset and its length; or why there is none."""
    header = _HEADER.match(content, at)
    if header is None:
        return None, 0, "a line without a header"
    version, number, length = int(header[1]), int(header[2]), int(header[3])
    if version != VERSION:
        return None, 0, f"version {version} of the journal, and this msl reads version {VERSION}"
    text = content[header.end() : header.end() + length]
    line = _line(number, text)
    if content[at : at + len(line) - 1] != line[:-1]:  # perhaps only the end of the line is damaged
        return None, 0, "a torn line" if len(text) < length else "its checksum is another"
    return Record(number, json.loads(text)), len(line), ""


def _line(number: int, text: bytes) -> bytes:
    checked = b"%012d %08d" % (number, len(text))
    return b"v%d %b %08x %b\n" % (VERSION, checked, zlib.crc32(text, zlib.crc32(checked)), text)


def segments(folder: Path) -> list[Path]:
    """The files of a journal, oldest first."""
    return sorted(folder.glob(f"*{_SUFFIX}"))


def _sync_names(folder: Path) -> None:
    """Wait until a power cut leaves the names of the segments, of the journal, of its run and of the work folder."""
    for level in (folder, *folder.parents[:3]):
        with suppress(PermissionError):  # somebody else's folder was there before
            sync_folder(level)


def _reserved(file: Path) -> Path:
    """A file that holds room on the disk until it is deleted."""
    with file.open("wb") as stream:
        stream.write(bytes(_RESERVE_BYTES))
        os.fsync(stream.fileno())
    return file


@contextmanager
def plain_errors(folder: Path) -> Iterator[None]:
    """Give an error of the file system as a `TrackingError`."""
    try:
        yield
    except OSError as error:
        raise TrackingError(f"journal {folder} cannot be written: {error.strerror or error}. {_WAY_OUT}") from error
