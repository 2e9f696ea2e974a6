"""A thread in each process of a training: it says that the process lives, and sees when another one does not."""

import os
import signal
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from threading import Event, Thread

from torch.distributed.distributed_c10d import Store

from msl.training.stop import StopRequest
from msl.world import World

_LOOK_EVERY_S = 1.0
_SILENT_S = 25.0  # without a sign of life, a process counts as lost
_GRACE_S = 5.0  # for the main thread to see itself that another process is lost


class Watch(Thread):
    """Looks at the other processes. The first one looks at all of them, each other one at the first."""

    def __init__(self, store: Store, world: World) -> None:
        """Start.

        Args:
            store: a connection of its own; a connection waits for one answer at a time.
            world: the processes.
        """
        super().__init__(name="msl watch", daemon=True)
        self.stop: StopRequest | None = None  # of the training in progress
        self.end: Callable[[str], None] | None = None  # ends this process for a reason, though its main thread hangs
        self._store, self._world, self._parent = store, world, os.getppid()
        self._others = [_Other(rank) for rank in (range(1, world.size) if world.is_first else [0])]
        self._looks, self._reason, self._is_lost = 0, "", Event()
        store.set(f"process/{world.rank}", f"{socket.gethostname()} {os.getpid()} {_place()}")
        self.start()

    def loss(self, wait_s: float) -> str:
        """Why another process is lost; empty if none is lost within this time."""
        self._is_lost.wait(wait_s)
        return self._reason

    def run(self) -> None:
        """Look until the process ends, or until another one is lost."""
        while not self._is_lost.wait(_LOOK_EVERY_S):
            try:
                self._look()
            except RuntimeError as error:  # of torch, if the store does not answer
                self._lose(f"the processes cannot reach their store: {str(error).splitlines()[0]}")
        time.sleep(_GRACE_S)
        if self.end is not None:
            self.end(self._reason)

    def _look(self) -> None:
        if os.getppid() != self._parent:
            self._parent = os.getppid()
            os.kill(os.getpid(), signal.SIGTERM)  # torchrun has ended, and cannot end the processes any more
        self._looks += 1
        self._store.set(f"life/{self._world.rank}", str(self._looks))
        self._pass_on_stop()
        for other in self._others:
            if reason := other.loss(self._store):
                self._lose(f"process {other.rank} of {self._world.size} {reason}")

    def _lose(self, reason: str) -> None:
        self._reason = self._reason or reason
        self._is_lost.set()

    def _pass_on_stop(self) -> None:
        """A signal to one process ends the training in all of them, also within an evaluation."""
        stop = self.stop
        if stop is None:
            return
        if stop.exit_code:
            self._store.set("stop", str(stop.exit_code))
        elif self._store.check(["stop"]):
            stop.make(SystemExit(int(self._store.get("stop"))))


class _Other:
    """Another process, as far as it can be seen from here."""

    def __init__(self, rank: int) -> None:
        self.rank = rank
        self._host, self._pid, self._place = "", 0, ""
        self._life, self._seen = "", time.monotonic()
        self._looked = self._seen

    def loss(self, store: Store) -> str:
        """Why it is lost; empty if it lives."""
        if store.check([f"error/{self.rank}"]):
            return f"has ended: {store.get(f'error/{self.rank}').decode()}"
        if not self._pid and store.check([f"process/{self.rank}"]):
            self._host, pid, self._place = store.get(f"process/{self.rank}").decode().split(" ", 2)
            self._pid = int(pid)
        if self._place and self._place == _place() and _is_gone(self._pid):
            return "has ended; perhaps it was killed, or its memory was too small"
        return self._silence(store)

    def _silence(self, store: Store) -> str:
        now = time.monotonic()
        if now - self._looked > _SILENT_S / 2:  # this process itself was stopped
            self._seen = now
        self._looked = now
        if store.check([f"life/{self.rank}"]) and (life := store.get(f"life/{self.rank}").decode()) != self._life:
            self._life, self._seen = life, now
        if self._life and now - self._seen > _SILENT_S:
            return f"on {self._host} has given no sign of life for {_SILENT_S:.0f} s"
        return ""


def _place() -> str:
    """Where process numbers mean the same: a machine, or a container of it. Empty without /proc."""
    with suppress(OSError):
        return f"{Path('/proc/sys/kernel/random/boot_id').read_text().strip()} {Path('/proc/self/ns/pid').readlink()}"
    return ""


def _is_gone(pid: int) -> bool:
    """Whether a process of this place has ended, also if nobody has taken note of it yet."""
    with suppress(OSError, IndexError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in ("Z", "X")
    return True
