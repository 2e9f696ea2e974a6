"""What the processes of one training tell each other: what to train, and how it has ended."""

import functools
import os
import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import Any

import torch
from torch import distributed as dist
from torch.distributed.distributed_c10d import PrefixStore, Store
from torch.distributed.rendezvous import rendezvous

from msl.errors import LostProcessError
from msl.training.distributed.watch import Watch
from msl.training.stop import StopRequest
from msl.world import World, world

_NEVER = timedelta(days=30)  # the watch sees a lost process; a slow one may take as long as it needs
_LOOK_EVERY_S = 0.1
_NAMED_S = 5.0  # in which the reason of an end becomes known
_FAREWELL_S = 10.0
_END = "end"
_WORDS_OF_SUMS = ("gloo", "nccl", "connection closed", "connection reset")  # in messages of torch
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


class Team:
    """The processes of a training, by the store that torchrun keeps for them."""

    def __init__(self, store: Store, world: World) -> None:
        self.world = world
        self.watch = Watch(store.clone(), world)
        self._store, self._tasks = store, 0

    def _call(self, device: str) -> None:
        """The first process calls the others to a training on this kind of device."""
        self._tasks += 1
        self._store.set(f"task/{self._tasks}", device)

    def dismiss(self, waits: bool) -> None:
        """The first process has ended its work: the others go, too.

        Args:
            waits: return when they know it, since the store may end with this process.
        """
        self._tasks += 1
        with suppress(RuntimeError):
            self._store.set(f"task/{self._tasks}", _END)
        if not waits:
            return
        keys = [f"gone/{self._tasks}/{rank}" for rank in range(1, self.world.size)]
        with suppress(RuntimeError):
            self._store.wait(keys, timedelta(seconds=_FAREWELL_S))

    def called(self) -> str | None:
        """Wait for the first process: the kind of device of a training that begins; None if nothing is left to do.

        Raises:
            LostProcessError: the first process is lost.
        """
        self._tasks += 1
        key = f"task/{self._tasks}"
        while not self._has(key):
            if reason := self.watch.loss(0):
                raise LostProcessError(reason)
        device = self._store.get(key).decode()
        if device != _END:
            return device
        self._store.set(f"gone/{self._tasks}/{self.world.rank}", "")
        return None

    def _has(self, key: str) -> bool:
        """Whether the store has a key, after a while if it does not."""
        try:
            if self._store.check([key]):
                return True
        except RuntimeError as error:
            raise LostProcessError("the store of the processes has ended") from error
        time.sleep(_LOOK_EVERY_S)
        return False

    def tell_error(self, text: str) -> None:
        """The other processes shall know why this one ends."""
        with suppress(RuntimeError):
            self._store.set(f"error/{self.world.rank}", text)

    @contextmanager
    def training(self, device: str, end: Callable[[str], None]) -> Iterator[None]:
        """Within this block, the processes can add up their tensors, and each ends if another one is lost.

        Args:
            device: its kind, cpu or cuda, the same in all processes.
            end: ends this process for a reason, though its main thread hangs.

        Raises:
            LostProcessError: another process is lost.
        """
        if self.world.is_first:
            self._call(device)
        _use_loopback()
        backend = "cpu:gloo,cuda:nccl" if device == "cuda" else "gloo"
        store = PrefixStore(f"training {self._tasks}", self._store)
        with self._losses_told():
            dist.init_process_group(
                backend, store=store, rank=self.world.rank, world_size=self.world.size, timeout=_NEVER
            )
            self.watch.end = end
            try:
                yield
            finally:
                self.watch.end = None
            dist.destroy_process_group()  # after an error, the end of this process shows it to the others

    @contextmanager
    def _losses_told(self) -> Iterator[None]:
        """An error of torch's sums comes from the loss of another process, whose reason is known soon."""
        try:
            yield
        except (RuntimeError, LostProcessError) as error:
            if not _is_of_a_sum(error):
                raise
            reason = self.watch.loss(_NAMED_S) or "another process of this training has ended"
            raise LostProcessError(f"{reason}. The run can be resumed, also with another nproc.") from error

    def exchanged(self, content: Any) -> Any:
        """What the first process passes here, in every process; the others pass None."""
        contents = [content]
        dist.broadcast_object_list(contents, device=torch.device("cpu"))
        return contents[0]

    @contextmanager
    def watching(self, stop: StopRequest) -> Iterator[None]:
        """Within this block, a request to end the training reaches all of its processes."""
        self.watch.stop = stop
        try:
            yield
        finally:
            self.watch.stop = None


@functools.cache
def team() -> Team:
    """The team of this process."""
    store, rank, size = next(rendezvous("env://"))
    return Team(store, World(rank, size, world().local_rank))


def exit_with(reason: str) -> None:
    """End the process at once: its main thread waits for one that is lost."""
    print(f"Error: {reason}", file=sys.stderr)
    os._exit(1)


def _is_of_a_sum(error: Exception) -> bool:
    text = str(error).lower()
    return isinstance(error, dist.DistError | LostProcessError) or any(word in text for word in _WORDS_OF_SUMS)


def _use_loopback() -> None:
    """All processes are on this machine: it may have no network, or a name that leads nowhere."""
    if os.environ.get("MASTER_ADDR") in _LOOPBACK and not os.environ.get("GLOO_SOCKET_IFNAME"):
        names = [name for _, name in socket.if_nameindex()]
        loopback = next((name for name in ("lo", "lo0") if name in names), None)
        if loopback is not None:
            os.environ["GLOO_SOCKET_IFNAME"] = loopback
