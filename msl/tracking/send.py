"""Where the sender of a journal runs: in a process of its own, or, if MSL_SENDER is ``inline``, in the training."""

import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Protocol

from mlflow.tracking import MlflowClient

from msl import schema
from msl.tracking.direct import utc_now
from msl.tracking.lease import LeaseLostError, renew, this_process
from msl.tracking.locks import lock
from msl.tracking.restored import forget_if_lost
from msl.tracking.sender import Sender, UnreachableError

log = logging.getLogger("msl")

SENDER_LOCK = "sender.lock"  # a file in the folder of a journal
_GRACE_S = 30.0
_LOOK_EVERY_S = 0.2
_WAITS_S = (1.0, 2.0, 4.0, 8.0, 15.0, 30.0)  # between attempts while the server takes nothing
_NICENESS = 5  # the training comes first
_FEW_TRIES = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0", "MLFLOW_HTTP_REQUEST_TIMEOUT": "30"}  # the loop here is patient


class Courier(Protocol):
    """Takes a journal to the server while it grows."""

    def look(self) -> None:
        """Called by the training whenever everything so far shall be safe."""

    def beat(self) -> None:
        """Called every half a minute, from another thread."""

    def finish(self, within_s: float | None) -> bool:
        """Return when everything is sent, or after a time; None is the sender's own grace.

        Returns:
            Whether the rest is still being sent.
        """


def grace_s() -> float:
    """For how long the rest is tried after the end of a training: MSL_GRACE_S seconds; then `msl sync` is needed."""
    return float(os.environ.get("MSL_GRACE_S", _GRACE_S))


def courier(client: MlflowClient, run_id: str, folder: Path) -> Courier:
    """The courier that MSL_SENDER asks for; a process of its own if it is not set."""
    if os.environ.get("MSL_SENDER") == "inline":
        return _Inline(client, run_id, folder)
    return _Process(run_id, folder)


class _Inline:
    """Sends in the training's own thread: for tests and for machines that allow no second process."""

    def __init__(self, client: MlflowClient, run_id: str, folder: Path) -> None:
        self._client, self._run_id, self._sender = client, run_id, Sender(client, run_id, folder)

    def look(self) -> None:
        """Send what may be sent; if that is impossible, the progress says why, and the next look tries again."""
        with suppress(UnreachableError, LeaseLostError):
            _carry(self._sender)
            self._sender.beat()

    def beat(self) -> None:
        """Show that the run is alive: an evaluation may take long, and nothing is sent meanwhile."""
        renew(self._client, self._run_id, this_process(), {schema.HEARTBEAT: utc_now()}, is_alive=False)

    def finish(self, within_s: float | None) -> bool:
        """Send the rest."""
        with suppress(LeaseLostError):
            _persist(self._sender, time.monotonic() + (within_s or grace_s()))
        return False


class _Process:
    """A process that reads the journal; its output is in ``sender.log`` beside it."""

    def __init__(self, run_id: str, folder: Path) -> None:
        self._command = [sys.executable, "-m", "msl.tracking.send", run_id, str(folder), str(os.getpid())]
        self._output = folder / "sender.log"
        self._process = self._start()

    def look(self) -> None:
        """Start the process again if something has ended it; otherwise it looks by itself."""
        if self._process.poll() is not None:
            self._process = self._start()

    def beat(self) -> None:
        """The process does that."""

    def finish(self, within_s: float | None) -> bool:
        """Wait for the end of the process, which stops by itself."""
        self.look()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(within_s)
        return self._process.poll() is None

    def _start(self) -> "subprocess.Popen[bytes]":
        with self._output.open("ab") as output:
            return subprocess.Popen(
                self._command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
            )


@contextmanager
def sending_lock(folder: Path, wait: bool) -> Iterator[bool]:
    """The right to send a journal, which one process has at a time; False if another one has it."""
    with (folder / SENDER_LOCK).open("w") as file:
        yield lock(file, waits=wait)


def _carry(sender: Sender) -> None:
    sender.read()
    sender.send()


def _persist(sender: Sender, until: float) -> bool:
    """Send the rest; False if that was not possible until a time."""
    waits = iter(_WAITS_S)
    while True:
        try:
            _carry(sender)
            return True
        except UnreachableError:
            wait = next(waits, _WAITS_S[-1])
            if time.monotonic() + wait > until:
                return False
            time.sleep(wait)


def follow(client: MlflowClient, run_id: str, folder: Path, parent: int) -> bool:
    """Send a journal until its run has ended and all is sent, or until the grace after the end of the parent process.

    Returns:
        Whether everything is sent.

    Raises:
        LeaseLostError: another process continues the run.
    """
    forget_if_lost(client, run_id, folder)
    sender = Sender(client, run_id, folder)
    sender.read()
    attempt, failures, next_try = sender.attempt, 0, 0.0
    while True:
        sender.read()
        if sender.attempt != attempt:
            return False  # the run is resumed already; that process has its own sender
        if sender.end is not None or os.getppid() != parent:
            return _persist(sender, time.monotonic() + grace_s()) and _close(sender, attempt)
        if time.monotonic() >= next_try:
            try:
                sender.send()
                sender.beat()
                failures = 0
            except UnreachableError as error:
                log.warning("%s", error)
                next_try = time.monotonic() + _WAITS_S[min(failures, len(_WAITS_S) - 1)]
                failures += 1
        time.sleep(_LOOK_EVERY_S)


def _close(sender: Sender, attempt: int) -> bool:
    """Say of a run that it has failed if its process ended without a word."""
    if sender.end is None and sender.attempt == attempt:
        try:
            sender.close_dead()
        except UnreachableError:
            return False
    return True


def main(run_id: str, folder: Path, parent: int) -> int:
    """The process of a sender. Signals that end a training do not end it: it ends a grace after the training."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    os.environ.update(_FEW_TRIES)
    os.nice(_NICENESS)
    with sending_lock(folder, wait=True):
        try:
            return 0 if follow(MlflowClient(), run_id, folder, parent) else 1
        except LeaseLostError as error:
            log.warning("%s", error)
            return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])))
