"""One careful look at every file of a data set, remembered until the file changes.

Decoding everything before training finds the truncated frame on the first minute instead of the third day, and the
same pass over the bytes gives the content digest that a run is recorded with.
"""

import json
import os
import sqlite3
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path

import numpy as np
from tqdm import tqdm

from msl.data.images import Decoder, reason

_BATCH = 256  # files between two writes to the cache, so that an interrupted pass is not lost


@dataclass(frozen=True)
class FileRecord:
    """What is known of a file's content."""

    digest: str = ""
    width: int = 0
    height: int = 0
    ids: tuple[int, ...] = ()  # the values that occur, of a label file
    error: str = ""  # why it cannot be used


def scan(paths: Sequence[Path], decode: Decoder, title: str) -> list[FileRecord]:
    """Read and decode every file that has changed since it was last seen, in parallel, with a progress bar."""
    with closing(_Cache(decode.__name__)) as cache, ThreadPoolExecutor(os.cpu_count()) as pool:
        records = [cache.find(path) for path in paths]
        unseen = [i for i, record in enumerate(records) if record is None]
        fresh = pool.map(lambda i: _look(paths[i], decode), unseen)
        for start in _batches(len(unseen), title):
            for i in unseen[start : start + _BATCH]:
                records[i] = next(fresh)
            cache.store((paths[i], records[i]) for i in unseen[start : start + _BATCH])
    return [record for record in records if record is not None]


def _batches(count: int, title: str) -> Iterator[int]:
    with tqdm(total=count, desc=f"checking {title}", unit="file", disable=count < _BATCH, leave=False) as bar:
        for start in range(0, count, _BATCH):
            yield start
            bar.update(min(_BATCH, count - start))


def _look(path: Path, decode: Decoder) -> FileRecord:
    try:
        data = path.read_bytes()
        pixels = decode(data)
    except Exception as error:  # decoders raise OSError, SyntaxError, ValueError, RuntimeError, … for damaged files
        return FileRecord(error=reason(error))
    ids = tuple(np.flatnonzero(np.bincount(pixels.ravel(), minlength=256)).tolist()) if pixels.ndim == 2 else ()
    return FileRecord(sha256(data).hexdigest(), pixels.shape[1], pixels.shape[0], ids)


class _Cache:
    """Records by path, size and time of change, in a file of the user's cache folder (MSL_CACHE moves it).

    Without a place to write, every look is the first one: slower, never wrong.
    """

    def __init__(self, decoder: str) -> None:
        self._decoder = decoder
        folder = Path(os.environ.get("MSL_CACHE") or Path.home() / ".cache" / "msl")
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._database = sqlite3.connect(folder / "files.sqlite", timeout=60)
            self._prepare()
        except (OSError, sqlite3.Error):
            self._database = sqlite3.connect(":memory:")
            self._prepare()

    def _prepare(self) -> None:
        self._database.execute("create table if not exists files (key text primary key, record text)")

    def _key(self, path: Path) -> str:
        status = path.stat()
        return f"{self._decoder}:{status.st_size}:{status.st_mtime_ns}:{path.absolute()}"

    def find(self, path: Path) -> FileRecord | None:
        with suppress(OSError):  # a missing file has no record; looking at it says so
            row = self._database.execute("select record from files where key = ?", [self._key(path)]).fetchone()
            if row is not None:
                record = json.loads(row[0])
                return FileRecord(**{**record, "ids": tuple(record["ids"])})
        return None

    def store(self, looked: Iterator[tuple[Path, FileRecord | None]]) -> None:
        rows = [(self._key(path), json.dumps(asdict(r))) for path, r in looked if r is not None and not r.error]
        with suppress(sqlite3.Error), self._database:
            self._database.executemany("insert or replace into files values (?, ?)", rows)

    def close(self) -> None:
        self._database.close()
