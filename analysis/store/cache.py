"""Histories that a server sent, stored on this machine: a Parquet file a run."""

import contextlib
import hashlib
import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from msl import schema

_STAMP = b"msl"  # key of the metadata of a file
_ENDED = (schema.FINISHED, "FAILED", "KILLED")


class Curve(NamedTuple):
    """All rows of one metric of one run; every array (N,)."""

    step: NDArray[np.int64]
    value: NDArray[np.float64]
    timestamp: NDArray[np.int64]  # milliseconds, UTC


@dataclass(frozen=True)
class State:
    """What shows whether a run's histories have changed; the server lists it for many runs in one answer."""

    run_id: str
    status: str
    end: int | None  # milliseconds, UTC
    latest: Mapping[str, str]  # of each metric step, timestamp and value of the last row, as text

    @property
    def has_ended(self) -> bool:
        """Whether no more rows will come; a run in progress may be resumed and write rows again."""
        return self.status in _ENDED and self.end is not None


class Cache:
    """Histories of finished runs of one server.

    A curve is read from here while its run has the same status, the same end and the same last value of that metric; a
    run that is resumed, or scored later, is read from the server again. The folder is in the user's cache, or where
    MSL_CACHE says; it may be deleted at any time.
    """

    def __init__(self, uri: str) -> None:
        root = Path(os.environ.get("MSL_CACHE") or Path.home() / ".cache" / "msl")
        self.folder = root / "histories" / hashlib.sha256(uri.encode()).hexdigest()[:16]

    def read(self, state: State) -> dict[str, Curve]:
        """The curves of a run that are still valid."""
        try:
            table = pq.read_table(self._path(state), memory_map=False)
            stamp = json.loads((table.schema.metadata or {})[_STAMP])
        except (OSError, pa.ArrowInvalid, KeyError, ValueError):  # it does not exist, or a full disk cut it short
            return {}
        if not state.has_ended or (stamp["status"], stamp["end"]) != (state.status, state.end):
            return {}
        columns = [table[name].to_numpy() for name in Curve._fields]
        curves, start = {}, 0
        for name, length, latest in stamp["curves"]:
            if latest == state.latest.get(name):
                curves[name] = Curve(*(column[start : start + length] for column in columns))
            start += length
        return curves

    def write(self, state: State, curves: Mapping[str, Curve]) -> None:
        """Store the curves of a run that has ended."""
        if not state.has_ended:
            return
        parts = zip(*curves.values(), strict=True)
        table = pa.table(dict(zip(Curve._fields, map(np.concatenate, parts), strict=True)))
        lengths = [(name, len(curve.step), state.latest[name]) for name, curve in curves.items()]
        stamp = json.dumps({"status": state.status, "end": state.end, "curves": lengths})
        with contextlib.suppress(OSError):  # what cannot be stored is read again: no reason to fail
            self.folder.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=self.folder, suffix=".part", delete=False) as file:
                pq.write_table(table.replace_schema_metadata({_STAMP: stamp.encode()}), file)
            Path(file.name).replace(self._path(state))

    def _path(self, state: State) -> Path:
        return self.folder / f"{state.run_id}.parquet"
