"""What is in a journal and not yet on the tracking server, and how it gets there.

Rows of metrics are sent when a checkpoint at or after their step is on the disk: no resumed training computes them
again, so the server never has a row twice. Everything else, which a second sending does not change, is sent at once.
A batch that the server has taken but not answered is sent again with the same timestamps; MLflow keeps one row.
"""

import logging
import shutil
import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from mlflow.entities import Metric, RunTag
from mlflow.tracking import MlflowClient

from msl import schema
from msl.errors import TrackingError
from msl.tracking.answers import is_refusal, reason_of
from msl.tracking.description import log_description
from msl.tracking.direct import BATCH_ROWS, utc_now
from msl.tracking.holder import Holder
from msl.tracking.journal import Reader, Record
from msl.tracking.lease import LeaseLostError, lease_s, renew, require
from msl.tracking.loss import write_loss
from msl.tracking.progress import Progress, refuse
from msl.tracking.publish import publish
from msl.tracking.status import close, go_on, mark_failed, way_on

log = logging.getLogger("msl")

_MARGIN_SHARE = 0.2  # of a lease, for the longest request


class UnreachableError(Exception):
    """The server, its database or its artifact store does not take anything at present."""


class Sender:
    """Sends the journal of one run; one process at a time."""

    def __init__(self, client: MlflowClient, run_id: str, folder: Path) -> None:
        """Set it up; nothing is read yet."""
        self._client, self._run_id, self._folder = client, run_id, folder
        self._reader, self._known_damage = Reader(folder), 0
        self.progress = Progress.of(folder)
        self._rows: deque[tuple[int, Metric]] = deque()
        self._rest: deque[Record] = deque()
        self._secured = 0  # number of the last record of metrics that may be sent
        self._newest_step = 0
        self.attempt = 0  # the last one that began
        self.end: str | None = None  # status, if the run has ended
        self._beat_at = time.monotonic()
        self._holder: Holder | None = None  # of the run's lease; None in journals of older code
        self._lease_until = 0.0

    @property
    def count(self) -> int:
        """Number of metrics, tags and files that may be sent and wait."""
        return len(self._rest) + sum(number <= self._secured for number, _ in self._rows)

    def read(self) -> None:
        """Take over what was appended since the last call; damage is told once."""
        for record in self._reader.new():
            self._take(record)
        for damage in self._reader.damage[self._known_damage :]:
            log.warning("%s; the other records are sent", damage)
        self._known_damage = len(self._reader.damage)

    def send(self) -> None:
        """Send everything that may be sent.

        Raises:
            UnreachableError: not all of it could be sent; a later call continues.
            LeaseLostError: another process continues the run, so nothing more of it is sent.
        """
        try:
            self._hold()
            while self._rows and self._rows[0][0] <= self._secured:
                self._send_rows()
            while self._rest:
                self._hold()
                self._send_record(self._rest[0])
                self._note(rest=self._rest.popleft().number)
        except UnreachableError as error:
            self._note(trouble=str(error))
            raise
        if self.progress.trouble:
            self._note(trouble="")

    def beat(self) -> None:
        """Show, if it is time, that the run is alive and how far it is; raises as `send` does."""
        if time.monotonic() - self._beat_at > schema.HEARTBEAT_EVERY_S:
            signs = {schema.HEARTBEAT: utc_now(), schema.PROGRESS: f"step {self._newest_step}"}
            if self._holder is None:
                self._request(self._tags, signs)
            else:
                self._renew(self._holder, signs, is_alive=True)
            self._beat_at = time.monotonic()

    def close_dead(self) -> bool:
        """Mark a run as failed whose process ended without a word; False if it has ended. Raises as `send` does."""
        on = way_on(self._run_id, is_resumable=True)
        message = f"the process ended without a word (kill -9, out of memory, power). {on}"
        if self._holder is not None:
            self._request(require, self._client, self._run_id, self._holder)
        return bool(self._request(mark_failed, self._client, self._run_id, message))

    def _hold(self) -> None:
        """Renew a lease that is not valid any more: this machine may have slept, or had no network, for an hour."""
        if self._holder is not None and time.time() > self._lease_until - _MARGIN_SHARE * lease_s():
            self._renew(self._holder, {}, is_alive=False)

    def _renew(self, holder: Holder, tags: Mapping[str, str], is_alive: bool) -> None:
        try:
            self._lease_until = self._request(renew, self._client, self._run_id, holder, tags, is_alive)
        except LeaseLostError as error:
            write_loss(self._folder, holder, error)
            raise

    def _take(self, record: Record) -> None:
        number, content = record
        kind = content["kind"]
        if kind == "rows":
            self._newest_step = content["step"]
            if number > self.progress.rows:
                metrics = content["values"].items()
                self._rows += [(number, Metric(k, v, content["time"], content["step"])) for k, v in metrics]
        elif kind == "secure":
            self._secured = max(self._secured, content["number"])
        elif kind == "start":  # rows after the checkpoint that it starts from are computed again
            self._rows = deque(row for row in self._rows if row[0] <= content["cut"])
            self._rest = deque(waiting for waiting in self._rest if waiting.content["kind"] != "end")
            self.attempt, self.end = content["attempt"], None
            self._holder, self._lease_until = Holder.read(content.get("holder")), 0.0
            self._wait_for(record)
        elif kind == "end":  # nothing is computed again, unless the run is resumed
            self._secured, self.end = number, content["status"]
            self._wait_for(record)
        else:
            self._drop_older_file(content)
            self._wait_for(record)

    def _wait_for(self, record: Record) -> None:
        if record.number > self.progress.rest:
            self._rest.append(record)

    def _drop_older_file(self, content: Mapping[str, Any]) -> None:
        """A file that a newer one replaces needs no upload."""
        if content["kind"] == "file":
            older = [
                r for r in self._rest if r.content["kind"] == "file" and _artifact(r.content) == _artifact(content)
            ]
            for record in older:
                self._rest.remove(record)
                _discard(self._folder / record.content["path"])

    def _send_rows(self) -> None:
        self._hold()
        batch = [row for row, _ in zip(self._rows, range(BATCH_ROWS), strict=False) if row[0] <= self._secured]
        self._send_batch([metric for _, metric in batch])
        for _ in batch:
            self._rows.popleft()
        following = self._rows[0][0] if self._rows else None
        last = batch[-1][0]
        self._note(rows=last - 1 if following == last else last)

    def _send_batch(self, metrics: Sequence[Metric]) -> None:
        """Send rows; if the server refuses them, find the one that it refuses by halves."""
        try:
            self._request(self._client.log_batch, self._run_id, metrics=metrics)
        except TrackingError as error:
            if len(metrics) == 1:
                self._park(dict(metrics[0]), error)
                return
            half = len(metrics) // 2
            self._send_batch(metrics[:half])
            self._send_batch(metrics[half:])

    def _send_record(self, record: Record) -> None:
        content = record.content
        try:
            if content["kind"] == "tags":
                self._request(self._tags, content["values"])
            elif content["kind"] == "description":
                self._request(log_description, self._client, self._run_id, content["part"], content["values"])
            elif content["kind"] == "file":
                self._upload(self._folder / content["path"], content["folder"])
            elif content["kind"] == "start":
                self._request(go_on, self._client, self._run_id)
            elif content["kind"] == "end":
                tags = content["tags"] | {schema.STATUS: content["status"]}
                self._request(close, self._client, self._run_id, tags, content["time"])
        except TrackingError as error:
            self._park(content, error)

    def _upload(self, path: Path, folder: str) -> None:
        if path.is_file():  # else an earlier sender has uploaded it
            if folder == schema.CHECKPOINT_FOLDER and path.name == schema.LAST_CHECKPOINT:
                self._request(publish, self._client, self._run_id, path)
            else:
                self._request(self._client.log_artifact, self._run_id, str(path), folder or None)
            _discard(path)

    def _tags(self, values: Mapping[str, str]) -> None:
        self._client.log_batch(self._run_id, tags=[RunTag(key, value) for key, value in values.items()])

    def _request(self, method: Any, *arguments: Any, **more: Any) -> Any:
        """Call the server.

        Raises:
            UnreachableError: a later call may succeed.
            TrackingError: the server refuses what it was sent.
        """
        try:
            return method(*arguments, **more)
        except LeaseLostError:
            raise
        except Exception as error:  # also of the network, a disk, the client of an artifact store
            kind = TrackingError if is_refusal(error) else UnreachableError
            raise kind(reason_of(error)) from error

    def _park(self, content: Mapping[str, Any], error: TrackingError) -> None:
        """Keep a record that the server refuses, so that those behind it can go on."""
        file = refuse(self._folder, content, str(error))
        log.warning("run %s: the server refuses a record, which stays in %s: %s", self._run_id, file, error)

    def _note(self, **changes: Any) -> None:
        self.progress = replace(self.progress, **changes)
        self.progress.write(self._folder)


def _artifact(content: Mapping[str, Any]) -> tuple[str, str]:
    return content["folder"], Path(content["path"]).name


def _discard(path: Path) -> None:
    """Delete a file that waited, and its folder; an earlier sender may have done so."""
    shutil.rmtree(path.parent, ignore_errors=True)
