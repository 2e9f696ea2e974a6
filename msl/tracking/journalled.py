"""The way to the tracking server by a journal: a training only appends to files, and never waits for the server."""

import logging
import os
import shutil
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any
from uuid import uuid4

from mlflow.tracking import MlflowClient

from msl import schema
from msl.errors import TrackingError
from msl.files import sync_path, whole_file
from msl.tracking.journal import Journal, Reader, Record, plain_errors
from msl.tracking.lease import this_process
from msl.tracking.loss import stop_if_lost
from msl.tracking.progress import Progress
from msl.tracking.reporter import MlflowReporter
from msl.tracking.send import Courier, courier

log = logging.getLogger("msl")

_KILLED_WAIT_S = 5.0  # for the sender, before a stopped training ends; the sender goes on
_LINK_FROM_BYTES = 4 * 2**20  # larger files are linked, not copied; they are written anew, never changed in place


class Journalled:
    """Appends everything to the journal in a run's folder; a sender reads it there."""

    def __init__(self, client: MlflowClient, run_id: str, attempt: int, folder: Path, mark: str, step: int = 0) -> None:
        """Open the journal, cut it back to a checkpoint, and start the sender.

        Args:
            client: of the tracking store.
            run_id: the run.
            attempt: number of this start of the run.
            folder: of the run.
            mark: of the checkpoint that the training starts from; empty if there is none.
            step: the one that the training starts from.

        Raises:
            TrackingError: the folder cannot be written.
        """
        self.folder = folder / schema.JOURNAL_FOLDER
        self._journal = Journal(self.folder)
        self._name = _name(self.folder)
        known = _Known(self.folder)
        cut = known.cut(self._name, mark, attempt)
        released = {} if cut is None else known.released_after(cut)
        is_behind = any(row_step > step for _, row_step in released)
        self._is_doubled = attempt > 1 and (cut is None or is_behind)
        self._recorded = {} if is_behind else known.finals | released  # each start of a run that ended computes them
        self._last_ms = known.last_ms
        last = cut if cut is not None and is_behind else max(known.released, cut or 0)
        start = {"kind": "start", "attempt": attempt, "cut": last}
        self._journal.append(start | {"holder": asdict(this_process())})
        self._lock = threading.Lock()
        self._unsynced: list[Path] = []
        self._told_trouble, self._has_ended = "", False
        self._courier: Courier = courier(client, run_id, self.folder)

    @property
    def is_doubled(self) -> bool:
        """Whether the server may have rows of steps that are trained again."""
        return self._is_doubled

    def rows(self, values: Mapping[str, float], step: int) -> None:
        """Record scalars of one step, once. Their time never runs back, whatever the clock does.

        Raises:
            LeaseLostError: another process continues the run.
        """
        stop_if_lost(self.folder, this_process())
        numbers = {name: float(value) for name, value in values.items()}
        if self._recorded:
            numbers = {name: value for name, value in numbers.items() if self._recorded.get((name, step)) != value}
        if not numbers:
            return
        with self._lock:
            self._last_ms = max(self._last_ms, int(time.time() * 1000))
            self._journal.append({"kind": "rows", "time": self._last_ms, "step": step, "values": numbers})

    def tags(self, values: Mapping[str, str]) -> None:
        """Set tags."""
        self._journal.append({"kind": "tags", "values": dict(values)})

    def describe(self, kind: str, values: Any) -> None:
        """Set a part of the run's description."""
        self._journal.append({"kind": "description", "part": kind, "values": values})

    def file(self, path: Path, folder: str) -> None:
        """Keep a file as it is now, for the run's artifacts.

        Raises:
            TrackingError: it cannot be written here.
        """
        with self._room(path.name) as copy:
            _copy(path, copy)
        self._wait(copy, folder)

    def text(self, content: str, name: str) -> None:
        """Keep a text for the run's artifacts; raises as `file` does."""
        folder, _, file_name = name.rpartition("/")
        with self._room(file_name) as copy:
            copy.write_text(content)
        self._wait(copy, folder)

    def flush(self) -> None:
        """Return when everything is on this machine's disk. Tell once if the server takes nothing.

        Raises:
            LeaseLostError: another process continues the run.
        """
        stop_if_lost(self.folder, this_process())
        self._sync()
        self._courier.look()
        trouble = Progress.of(self.folder).trouble
        if trouble and not self._told_trouble:
            log.warning("nothing can be sent at present (%s). The training goes on; its records are kept.", trouble)
        elif self._told_trouble and not trouble:
            log.info("the records that waited are sent")
        self._told_trouble = trouble

    def mark(self) -> str:
        """The present end of the journal."""
        return f"{self._name}:{self._journal.number}"

    def secure(self, mark: str) -> None:
        """Release the rows before a checkpoint: no resumed training computes them again."""
        self._journal.append({"kind": "secure", "number": int(mark.rpartition(":")[2])})

    def beat(self) -> None:
        """The sender shows that the run is alive."""
        self._courier.beat()

    def end(self, tags: Mapping[str, str]) -> None:
        """Record the end of the run; wait until everything is sent, or for a while if the server takes nothing.

        Raises:
            LeaseLostError: another process continues the run, which did not end here.
        """
        if self._has_ended:
            return
        self._has_ended = True
        status, now_ms = tags[schema.STATUS], int(time.time() * 1000)
        content = {"kind": "end", "status": status, "time": now_ms, "tags": dict(tags)}
        number = self._journal.append(content, last=True)
        self._sync()
        self._journal.close()
        is_sending = self._courier.finish(_KILLED_WAIT_S if status == schema.KILLED else None)
        if status == schema.FINISHED:  # else that may be the reason of the end
            stop_if_lost(self.folder, this_process())
        progress = Progress.of(self.folder)
        if progress.rest < number:
            log.warning(
                "the end of the run is not on the server yet (%s). Everything is kept in %s; `msl sync` sends it.",
                progress.trouble or ("its sender goes on" if is_sending else "its sender has stopped"),
                self.folder,
            )

    def _wait(self, copy: Path, folder: str) -> None:
        """Say that a file waits for its upload."""
        self._unsynced.append(copy)
        self._journal.append({"kind": "file", "path": str(copy.relative_to(self.folder)), "folder": folder})

    def _sync(self) -> None:
        """Return when the waiting files and the journal are on the disk."""
        files, self._unsynced = self._unsynced, []
        with plain_errors(self.folder):
            for level in (level for file in files for level in (file, *file.parents[:3])):
                with suppress(FileNotFoundError):  # it is uploaded already
                    sync_path(level)
        self._journal.sync()

    @contextmanager
    def _room(self, name: str) -> Iterator[Path]:
        """A path for a file that waits for its upload."""
        with plain_errors(self.folder):
            (self.folder / "files").mkdir(exist_ok=True)
            yield Path(tempfile.mkdtemp(dir=self.folder / "files")) / name


class _Known:
    """What an earlier process has left in a journal."""

    def __init__(self, folder: Path) -> None:
        self.last_ms = 0
        self._attempts: list[int] = []  # that began here
        rows: list[Record] = []
        secured = 0
        for record in Reader(folder).new():
            number, content = record
            if content["kind"] == "rows":
                rows.append(record)
                self.last_ms = content["time"]
            elif content["kind"] == "secure":
                secured = max(secured, content["number"])
            elif content["kind"] == "start":
                self._attempts.append(content["attempt"])
                rows = [row for row in rows if row.number <= max(content["cut"], secured)]
            elif content["kind"] == "end":
                secured = number
        self._rows = [row for row in rows if row.number <= secured]
        self.released = max((row.number for row in self._rows), default=0)  # the last that was released for sending

    def released_after(self, cut: int) -> dict[tuple[str, int], float]:
        """The metrics after a record that were released for sending: values by name and step."""
        return _values(row for row in self._rows if row.number > cut)

    @property
    def finals(self) -> dict[tuple[str, int], float]:
        """The scores of a finished run that were released, also those before its newest checkpoint."""
        return {
            (name, step): value
            for (name, step), value in _values(self._rows).items()
            if schema.parse_metric(name).which
        }

    def cut(self, name: str, mark: str, attempt: int) -> int | None:
        """Number of the last record that stays; None if the journal of the checkpoint is not the one here.

        Without a checkpoint none stays, if all earlier attempts began here: another machine may have sent rows.
        """
        origin, _, number = mark.rpartition(":")
        if not mark and self._attempts == list(range(1, attempt)):
            return 0
        return int(number) if origin == name else None


def _values(rows: Iterable[Record]) -> dict[tuple[str, int], float]:
    contents = [row.content for row in rows]
    return {(name, content["step"]): value for content in contents for name, value in content["values"].items()}


def _name(folder: Path) -> str:
    """A name for this journal, in the marks of its checkpoints; a journal on another machine has another."""
    file = folder / "name"
    if not file.is_file():
        with whole_file(file, TrackingError) as temporary:
            temporary.write_text(uuid4().hex)
    return file.read_text()


def _copy(path: Path, copy: Path) -> None:
    if path.stat().st_size >= _LINK_FROM_BYTES:
        with suppress(OSError):  # another file system, or one without links
            os.link(path, copy)
    if not copy.exists():
        shutil.copyfile(path, copy)


def journal_of(reporter: MlflowReporter, folder: Path, mark: str = "", step: int = 0) -> Journalled:
    """The journal by which everything goes from now on; begun if nothing goes by it yet.

    Args:
        reporter: of the run.
        folder: of the run.
        mark: of the checkpoint that the training starts from; empty if there is none.
        step: the one that the training starts from.
    """
    if isinstance(reporter.way, Journalled):
        return reporter.way
    way = Journalled(reporter.client, reporter.run_id, reporter.attempt, folder, mark, step)
    reporter.take(way)
    return way


@contextmanager
def journalled(reporter: MlflowReporter, folder: Path, mark: str, step: int) -> Iterator[None]:
    """Within this block, everything that the run records goes by a journal; the run ends with the block.

    Args:
        reporter: of the run.
        folder: of the run.
        mark: of the checkpoint that the training starts from; empty if there is none.
        step: the one that the training starts from.
    """
    way = journal_of(reporter, folder, mark, step)
    if way.is_doubled:
        reporter.metrics({schema.ATTEMPT: reporter.attempt}, step)
    yield
    reporter.end(schema.FINISHED)
