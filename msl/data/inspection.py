"""A check of every file of a data set; the result is stored until the file changes.

Decoding everything before training finds the truncated frame in the first minute instead of on the third day, and the
same pass over the bytes gives the content digest that is recorded with a run.
"""

import json
import os
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from hashlib import sha256
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import PIL
from PIL import Image

from msl.console import progress
from msl.data.images import ImageReader, LabelReader, RawSamples, reason
from msl.data.palettes import colours_of

Reader = ImageReader | LabelReader

_BATCH = 256  # files between two writes to the cache, so that an interrupted pass is not lost
_DARK = 16  # of 255: brighter than the noise of a black frame's compression
_FORMAT = 4  # of a record in the cache; raise it if a field or its meaning changes


@dataclass(frozen=True)
class FileRecord:
    """What is known about a file's content."""

    digest: str = ""  # "" if the file could not be read: the next attempt may succeed
    size: tuple[int, int] = (0, 0)  # width, height
    lit: float = 1.0  # share of an image's values that are brighter than almost black
    pixels: Mapping[int, int] = field(default_factory=dict)  # of a label, their number by raw id
    colours: Mapping[int, str] = field(default_factory=dict)  # of a palette label, by raw id
    error: str = ""  # why it cannot be used
    missing: bool = False


def scan(paths: Sequence[Path], decode: Reader, title: str) -> list[FileRecord]:
    """Read and decode every file that has changed since its last check, in parallel, with a progress bar."""
    with closing(_Cache()) as cache, ThreadPoolExecutor(os.cpu_count()) as pool:
        batches = [paths[start : start + _BATCH] for start in range(0, len(paths), _BATCH)]
        # Keys are made before the files are read: a file that changes in between is read again next time.
        keys = list(chain.from_iterable(pool.map(partial(_keys, decode), batches)))
        records = [cache.find(key) for key in keys]
        unknown = [i for i, record in enumerate(records) if record is None]
        new_records = pool.map(lambda i: _look(paths[i], decode), unknown)
        for start in _batches(len(unknown), title):
            batch = unknown[start : start + _BATCH]
            for i in batch:
                records[i] = next(new_records)
            cache.store((keys[i], records[i]) for i in batch)
    return [record for record in records if record is not None]


def _batches(count: int, title: str) -> Iterator[int]:
    with progress(title=f"checking {title}", unit="file", total=count, disable=count < _BATCH, leave=False) as bar:
        for start in range(0, count, _BATCH):
            yield start
            bar.update(min(_BATCH, count - start))


def _keys(decode: Reader, paths: Sequence[Path]) -> list[str | None]:
    return [_key(decode, path) for path in paths]


def _key(decode: Reader, path: Path) -> str | None:
    """The cache's key of a file; None if the file is missing. It has Pillow's version: another one may read more."""
    try:
        status = path.stat()
    except OSError:
        return None
    return f"{_FORMAT}:{PIL.__version__}:{decode.__name__}:{status.st_size}:{status.st_mtime_ns}:{path.absolute()}"


def _look(path: Path, decode: Reader) -> FileRecord:
    try:
        data = path.read_bytes()
    except OSError as error:
        return FileRecord(error=reason(error), missing=isinstance(error, FileNotFoundError))
    digest = sha256(data).hexdigest()
    try:
        record = _described(decode(data), digest)
        return replace(record, colours=colours_of(data, record.pixels))
    except MemoryError as error:  # the machine's problem, not the file's
        return FileRecord(error=reason(error))
    except Exception as error:  # decoders raise OSError, SyntaxError, ValueError, RuntimeError, … for damaged files
        return FileRecord(digest, error=reason(error))


def _described(array: RawSamples, digest: str) -> FileRecord:
    size = array.shape[1], array.shape[0]
    if array.ndim == 3:
        return FileRecord(digest, size, lit=np.count_nonzero(array > _DARK) / array.size)
    return FileRecord(digest, size, pixels={raw: count for raw, count in enumerate(_counts(array)) if count})


def _counts(label: RawSamples) -> list[int]:
    if label.dtype == np.uint8:
        return Image.fromarray(label).histogram()  # three times as fast as NumPy's bincount, which widens every pixel
    counts: list[int] = np.bincount(label.ravel()).tolist()
    return counts


class _Cache:
    """Records of good and damaged files, in a database in the user's cache folder (or MSL_CACHE).

    If the folder cannot be written, every file is read each time: slower, but never wrong.
    """

    def __init__(self) -> None:
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

    def find(self, key: str | None) -> FileRecord | None:
        row = self._database.execute("select record from files where key = ?", [key]).fetchone()
        return None if row is None else _restored(json.loads(row[0]))

    def store(self, records: Iterable[tuple[str | None, FileRecord | None]]) -> None:
        rows = [(key, json.dumps(asdict(record))) for key, record in records if key and record and record.digest]
        with suppress(sqlite3.Error), self._database:
            self._database.executemany("insert or replace into files values (?, ?)", rows)

    def close(self) -> None:
        self._database.close()


def _restored(stored: dict[str, Any]) -> FileRecord:
    by_id = {name: {int(raw): value for raw, value in stored[name].items()} for name in ("pixels", "colours")}
    return FileRecord(**{**stored, "size": tuple(stored["size"]), **by_id})
