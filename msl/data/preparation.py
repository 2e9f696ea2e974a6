"""Making of prepared copies: by the first process that needs one, so that it can be killed at any time.

Records are appended in their order, each followed by its checksum in the other file. Who takes over a copy that is not
complete goes on after the last record whose checksum is right. The header comes last: it makes the copy complete.
"""

import errno
import fcntl
import json
import logging
import shutil
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from hashlib import file_digest
from pathlib import Path
from typing import Any, NamedTuple
from zlib import crc32

import numpy as np
from torch import Tensor

from msl.console import progress
from msl.data.domain import Domain
from msl.data.prepared import CHECKSUMS, HEADER, SAMPLES, Prepared, RecordLayout, in_words
from msl.data.processes import Loading
from msl.data.shared_memory import Crew, fitted_crew
from msl.errors import DataError
from msl.files import sync_path, whole_file

log = logging.getLogger("msl")

_LOCK = "lock"
_CHECKSUM_BYTES = 4
_PREFETCHED_RECORDS = 2
_WAIT_S, _TOLD_EVERY_S = 0.5, 15.0
_FULL = (errno.ENOSPC, errno.EDQUOT)


@dataclass(frozen=True, kw_only=True)
class PreparedCopy:
    """A copy that exists or will be made."""

    folder: Path
    domain: Domain
    layout: RecordLayout
    facts: dict[str, Any]  # what decides its content; the folder's name has their digest
    num_workers: int = 0

    @property
    def title(self) -> str:
        """Domain, split and size."""
        width, height = self.layout.size
        return f"{self.domain.name}/{self.domain.split} at {width}x{height}"

    @property
    def bytes_needed(self) -> int:
        """Bytes of all records."""
        return len(self.domain) * self.layout.record_bytes

    def open(self) -> Prepared | None:
        """The complete copy; None, with a warning unless nothing is there, if it has to be made.

        Raises:
            OSError: a file cannot be read.
        """
        if not (self.folder / HEADER).is_file():
            return None
        if not self._is_whole():
            log.warning("%s: the prepared copy of %s is damaged.", self.folder, self.title)
            return None
        return Prepared(self.folder, self.domain, self.layout)

    def _is_whole(self) -> bool:
        """Whether header, lengths and the digest of all checksums fit. Records are checked when they are read."""
        try:
            header = json.loads((self.folder / HEADER).read_bytes())
            return bool(header == self._header() and self._samples.stat().st_size == self.bytes_needed)
        except (OSError, ValueError):
            return False

    def make(self) -> Prepared:
        """Make the copy, or wait until another process has made it.

        Raises:
            OSError: the folder cannot be written, or the disk is full.
            DataError: a sample cannot be read.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        with self._alone():
            if (complete := self.open()) is not None:
                return complete
            (self.folder / HEADER).unlink(missing_ok=True)
            try:
                self._write()
            except OSError as error:
                if error.errno in _FULL:
                    self.remove()  # half a copy is of no use and keeps the disk full
                raise
            return Prepared(self.folder, self.domain, self.layout)

    def remove(self) -> None:
        """Delete the copy's files, as far as that is possible."""
        for name in (HEADER, SAMPLES, CHECKSUMS):
            with suppress(OSError):
                (self.folder / name).unlink()

    def _write(self) -> None:
        with ExitStack() as stack:
            samples = stack.enter_context(self._samples.open("a+b", buffering=0))
            checksums = stack.enter_context((self.folder / CHECKSUMS).open("a+b", buffering=0))
            done = self._intact_records()
            samples.truncate(done * self.layout.record_bytes)
            checksums.truncate(done * _CHECKSUM_BYTES)
            self._tell(done)
            for record in self._records(done):
                content = record.numpy().data
                _write_all(samples, content)
                _write_all(checksums, memoryview(_checksum(content)))
        sync_path(self._samples)
        sync_path(self.folder / CHECKSUMS)
        self._write_header()

    def _write_header(self) -> None:
        try:
            with whole_file(self.folder / HEADER, DataError) as temporary:
                temporary.write_text(json.dumps(self._header(), indent=2))
        except DataError as error:
            raise OSError(errno.EIO, str(error)) from error

    def _records(self, first: int) -> Iterator[Tensor]:
        """The records from an index on, made by other processes."""
        count, items = len(self.domain), _Records(self.domain, self.layout)
        crew = fitted_crew(Crew(self.num_workers, _PREFETCHED_RECORDS), lambda: self.layout.record_bytes, self.title)
        loading = Loading[_Record](items, range(first, count), crew, self.title)
        try:
            bar = progress(loading, title=f"preparing {self.title}", unit="img", total=count, initial=first)
            yield from (item.record for item in bar)
        finally:
            loading.close()

    def _tell(self, done: int) -> None:
        """The space, before it is used.

        Raises:
            OSError: there is too little.
        """
        needed, free = self.bytes_needed - done * self.layout.record_bytes, shutil.disk_usage(self.folder).free
        begun = f", {done} of which are there," if done else ""
        log.info(
            "%s: %d images%s are resized once and kept, %s more in %s, which has %s free",
            *(self.title, len(self.domain), begun, in_words(needed), self.folder, in_words(free)),
        )
        if needed > free:
            raise OSError(errno.ENOSPC, f"{in_words(needed)} are needed, and {in_words(free)} are free")

    def _intact_records(self) -> int:
        """Number of records at the beginning whose checksums are right."""
        length = self.layout.record_bytes
        checksums = np.fromfile(self.folder / CHECKSUMS, np.uint8).tobytes()
        with self._samples.open("rb") as samples:
            for index in range(min(len(checksums) // _CHECKSUM_BYTES, len(self.domain))):
                record = samples.read(length)
                checksum = checksums[index * _CHECKSUM_BYTES : (index + 1) * _CHECKSUM_BYTES]
                if len(record) < length or _checksum(memoryview(record)) != checksum:
                    return index
        return min(len(checksums) // _CHECKSUM_BYTES, len(self.domain))

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """The lock of the copy; it ends with the process, however that ends."""
        told_at = -_TOLD_EVERY_S
        with (self.folder / _LOCK).open("a") as lock:
            while not _is_locked(lock.fileno()):
                if time.monotonic() - told_at > _TOLD_EVERY_S:
                    told_at = time.monotonic()
                    log.info("%s: another process prepares it, %s; waiting", self.title, self._progress())
                time.sleep(_WAIT_S)
            yield

    def _progress(self) -> str:
        try:
            done = self._samples.stat().st_size // self.layout.record_bytes
        except OSError:
            done = 0
        return f"{done} of {len(self.domain)} images are ready"

    def _header(self) -> dict[str, Any]:
        with (self.folder / CHECKSUMS).open("rb") as file:
            digest = file_digest(file, "sha256").hexdigest()
        return {**self.facts, "count": len(self.domain), "record_bytes": self.layout.record_bytes, "checksums": digest}

    @cached_property
    def _samples(self) -> Path:
        return self.folder / SAMPLES


class _Record(NamedTuple):
    record: Tensor  # (record_bytes,) uint8

    def tensors(self) -> tuple[Tensor, ...]:
        return (self.record,)


class _Records:
    def __init__(self, domain: Domain, layout: RecordLayout) -> None:
        self._domain, self._layout = domain, layout

    def __getitem__(self, index: int) -> _Record:
        sample = self._domain[index]
        return _Record(self._layout.pack(sample.image, sample.label))


def _is_locked(descriptor: int) -> bool:
    """Try to lock a file.

    Raises:
        OSError: the file system has no locks.
    """
    try:
        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno not in (errno.EACCES, errno.EAGAIN):
            raise
        return False
    return True


def _write_all(file: Any, content: memoryview) -> None:
    while content:
        content = content[file.write(content) :]


def _checksum(record: memoryview) -> bytes:
    return np.uint32(crc32(record)).tobytes()
