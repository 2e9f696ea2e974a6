"""Loading in other processes, which are watched: whatever ends or starves one ends the wait for it within a minute."""

import os
import signal
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from multiprocessing.connection import wait
from threading import Event, Thread
from typing import Any, Generic, Protocol, TypeVar

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, get_worker_info

from msl.data.activity import Watch
from msl.data.failures import KILLED, Failure, explained
from msl.data.shared_memory import Crew, free_space
from msl.errors import LoadingError

_LOOK_S = 5  # between two looks at the processes while no item comes
_STOPPED_S = 30  # in which a process may be stopped
_ENDING_S = 1  # in which a process has ended whose connection is lost
_IDLE_S = 45  # without computing, and without a byte that was read: a slow disk gives some
_TIMED_OUT = "DataLoader timed out"  # the beginning of torch's message


class Loadable(Protocol):
    """What loading processes hand over."""

    def tensors(self) -> Sequence[Tensor]:
        """The parts that go through shared memory."""


T = TypeVar("T", bound=Loadable)
K = TypeVar("K", contravariant=True)
V = TypeVar("V", covariant=True)


class Items(Protocol[K, V]):
    """Items by key."""

    def __getitem__(self, key: K) -> V:
        """Load the item."""


class Loading(Generic[T]):
    """The items of some keys, in their order, loaded ahead by other processes."""

    def __init__(self, items: Items[Any, T], keys: Iterable[Any], crew: Crew, title: str) -> None:
        """Start the processes.

        Raises:
            LoadingError: they cannot be started.
        """
        loader = DataLoader[T | Failure](
            _Guarded(items),
            sampler=keys,
            batch_size=None,
            collate_fn=_unchanged,
            num_workers=crew.workers,
            prefetch_factor=crew.prefetch if crew.workers else None,
            worker_init_fn=_leave_group,
            timeout=_LOOK_S if crew.workers else 0,
            generator=torch.Generator(),  # otherwise the loader draws its base seed from the global random state
        )
        self._title = title
        self._processes: list[Any] = []
        try:
            self._items: Iterator[T | Failure] = iter(loader)
        except OSError as error:
            raise LoadingError(f"{title}: a loading process cannot be started: {error}. Lower num_workers.") from error
        self._processes = list(getattr(self._items, "_workers", ()))

    def __iter__(self) -> Iterator[T]:
        return self

    def __next__(self) -> T:
        item = self._received() if self._processes else next(self._items)
        if isinstance(item, Failure):
            self.close()
            raise item.error(self._title) from None
        return item

    def _received(self) -> T | Failure:
        """The next item of the processes, while a thread looks at what they do."""
        guard = _Guard(self._title, self._processes)
        try:
            with guard:
                item = self._waited_for(guard)
        except StopIteration:
            raise
        except Exception as error:
            reason = guard.error or explained(error, self._exit_codes())
            with suppress(RuntimeError):  # torch tells of the same process again; a stream closes itself once more
                self.close()
            raise reason from error
        return item

    def _waited_for(self, guard: "_Guard") -> T | Failure:
        while True:
            try:
                return next(self._items)
            except RuntimeError as error:
                if guard.error is not None or not str(error).startswith(_TIMED_OUT):
                    raise

    def _exit_codes(self) -> dict[int, int]:
        """Exit codes of the processes that have ended or are ending, by process id; a signal's is negative."""
        for ending in wait([process.sentinel for process in self._processes], _ENDING_S):
            next(process for process in self._processes if process.sentinel == ending).join(_ENDING_S)
        return {process.pid: process.exitcode for process in self._processes if process.exitcode is not None}

    def close(self) -> None:
        """End the processes, also those that are stopped or do not answer."""
        for process in self._processes:
            with suppress(ProcessLookupError):
                os.kill(process.pid, signal.SIGCONT)
        if self._processes:
            # The public way is to forget the iterator; the traceback of an error would keep it alive.
            self._items._shutdown_workers()  # type: ignore[attr-defined]  # of DataLoader's iterator, which has no type
        for process in self._processes:
            if process.is_alive():
                process.kill()
        self._processes = []  # last: torch's signal handler may interrupt this function, which is then called again

    def __del__(self) -> None:
        self.close()


def _leave_group(worker: int) -> None:
    """In a loading process: a signal to the group of the training (Ctrl-C, `timeout`) is for the training alone."""
    os.setsid()
    signal.set_wakeup_fd(-1)  # a signal to this process is none to the training


class _Guard(Thread):
    """Looks at processes while an item is waited for, and kills one if they will not give it.

    Only torch's signal handler, which this calls, ends the wait in every case: the waiting thread may be in the middle
    of a message of a stopped process.
    """

    def __init__(self, title: str, processes: Sequence[Any]) -> None:
        super().__init__(daemon=True)
        self.error: LoadingError | None = None  # the reason why a process was killed
        self._title, self._processes, self._item_came = title, processes, Event()

    def __enter__(self) -> None:
        self.start()

    def __exit__(self, *error: object) -> None:
        self._item_came.set()
        self.join()

    def run(self) -> None:
        """Look until the item comes or the processes are killed."""
        watch = None
        while self.error is None and not self._item_came.wait(_LOOK_S):
            watch = watch or Watch([process.pid for process in self._processes])
            watch.look()
            self.error = self._reason(watch)
        if self.error is not None:
            KILLED[str(self._processes[0].pid)] = self.error
            self._processes[0].kill()

    def _reason(self, watch: Watch) -> LoadingError | None:
        if watch.stopped_looks * _LOOK_S >= _STOPPED_S:
            return LoadingError(
                f"{self._title}: a loading process has been stopped for {_STOPPED_S} s, as by kill -STOP or a "
                "debugger. Resume the run when nothing stops it."
            )
        if watch.idle_looks * _LOOK_S >= _IDLE_S:
            return LoadingError(
                f"{self._title}: the loading processes have neither computed nor read a byte for {_IDLE_S} s, and no "
                "batch has come. Perhaps a disk or a network folder does not answer, or a batch could not be handed "
                f"over{free_space()}. -P num_workers=0 loads without other processes and waits as long as it takes."
            )
        return None


class _Guarded(Dataset[Any]):
    """Items; in a loading process, an error of any kind becomes a `Failure`, which can always be handed over."""

    def __init__(self, items: Items[Any, Any]) -> None:
        self._items = items

    def __getitem__(self, key: Any) -> Any:
        if get_worker_info() is None:
            return self._items[key]
        try:
            return _in_shared_memory(self._items[key])
        except BaseException as error:  # an error that is lost here would let the training wait for ever
            return Failure.of(error)


def _in_shared_memory(item: T) -> T:
    """The item with its tensors there: handing them over does so later, where no error is seen."""
    for tensor in item.tensors():
        tensor.share_memory_()
    return item


def _unchanged(item: Any) -> Any:
    return item
