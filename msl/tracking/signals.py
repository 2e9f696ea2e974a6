"""SIGTERM, SIGINT and SIGHUP while a run is open: it ends as KILLED, within a grace, whatever hangs.

The first signal ends the run at once; within `asking` it asks the training to end after its present step. A repeated
signal ends the run at once there, too. Another one does not: after Ctrl-C, `mlflow run` sends SIGTERM. Within
`confirming`, Ctrl-C asks the person who typed it.
"""

import logging
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from types import FrameType

log = logging.getLogger("msl")

_NUMBERS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
_ASKED_S = 18.0  # for the step, a checkpoint, and their records
_ENDED_S = 26.0  # after the signal: then the process ends without its clean-up
_LAST_WORDS_S = 2.0
_LOOK_EVERY_S = 1.0  # for the process that started this one

_END = bytes(1)  # no signal has the number 0
_SHELLS = ("bash", "sh")

_open: "list[Signals]" = []  # of the open runs, the innermost last


class Signals:
    """Handles the signals for one open run."""

    def __init__(self, say_killed: Callable[[BaseException], None]) -> None:
        """Set it up.

        Args:
            say_killed: records the end of the run, in a thread of its own, if the main thread hangs.
        """
        self.ask: Callable[[BaseException], None] | None = None  # tells the training
        self.confirm: Callable[[], bool] | None = None  # asks a person who types Ctrl-C
        self.reason = ""  # what ended the run
        self._say_killed, self._owner = say_killed, os.getpid()
        self._first: int | None = None
        self._is_over, self._has_left, self._is_asking = threading.Event(), False, False
        self._deadline: threading.Thread | None = None

    def __call__(self, number: int, frame: FrameType | None) -> None:
        """The handler. A data loading process, which inherits it, ends at once."""
        if os.getpid() != self._owner:
            os._exit(128 + number)
        if self._has_left:
            return
        if self._first is None:
            if self._is_slip(number):
                return
            self.confirm = None
            self._first = number
            self.begin_deadline(number)
            if self.ask is not None:
                self.ask(_error(number))
                return
        elif self.ask is not None and number != self._first:
            return
        self._has_left = True
        raise _error(number)

    def _is_slip(self, number: int) -> bool:
        """Whether a person typed Ctrl-C and, when asked, does not want to end. Ctrl-C as the answer is a yes."""
        if number != signal.SIGINT or self.confirm is None or self._is_asking:
            return False
        self._is_asking = True
        try:
            return not self.confirm()
        finally:
            self._is_asking = False

    def begin_deadline(self, number: int) -> None:
        """End the process in time; a second call does nothing, nor does one for Ctrl-C before it is confirmed."""
        if self._deadline is None and not (number == signal.SIGINT and self.confirm is not None):
            self.reason = self.reason or f"stopped by {signal.Signals(number).name}"
            arguments = number, self.ask is not None
            self._deadline = threading.Thread(target=self._end_in_time, args=arguments, daemon=True)
            self._deadline.start()

    def leave(self) -> None:
        """From now on, signals do not disturb the end of the run."""
        self._has_left = True

    def close(self) -> None:
        """The run has ended."""
        self._is_over.set()

    def watch_starter(self) -> None:
        """End the run if the process ends that started this one."""
        threading.Thread(target=_watch, args=(_starters(), self._starter_has_ended, self._is_over), daemon=True).start()

    def _starter_has_ended(self) -> None:
        if self._first is None:
            self.reason = "stopped because the process that started it (`mlflow run`) has ended"
            _to_main_thread(signal.SIGTERM)

    def end_hanging(self, error: BaseException) -> None:
        """End the run with an error, and then the process, in another thread than the main one, which hangs."""
        self._speak(error)
        os._exit(1)

    def _speak(self, error: BaseException) -> None:
        words = threading.Thread(target=self._say_killed, args=(error,), daemon=True)
        words.start()
        words.join(_LAST_WORDS_S)

    def _end_in_time(self, number: int, is_asked: bool) -> None:
        """In a thread: end the training, and then the process, if that takes too long."""
        if is_asked:
            log.warning(
                "%s: it finishes its step, writes a checkpoint and ends; the same signal again ends it at once",
                self.reason,
            )
            if self._is_over.wait(_ASKED_S):
                return
            _to_main_thread(number)
        if self._is_over.wait(_ENDED_S - _ASKED_S if is_asked else _ENDED_S):
            return
        log.error("%s: the end of the run takes too long, so the process ends now", self.reason)
        self._speak(_error(number))
        os._exit(128 + number)


@contextmanager
def ending_with_starter() -> Iterator[None]:
    """Within this block, this process gets SIGTERM if the process ends that started it."""
    is_over = threading.Event()
    end = partial(os.kill, os.getpid(), signal.SIGTERM)
    threading.Thread(target=_watch, args=(_starters(), end, is_over), daemon=True).start()
    try:
        yield
    finally:
        is_over.set()


def _watch(starters: tuple[int, ...], end: Callable[[], None], is_over: threading.Event) -> None:
    while not is_over.wait(_LOOK_EVERY_S):
        if _starters() != starters:
            end()
            return


@contextmanager
def handling(signals: Signals, is_started_by_mlflow: bool) -> Iterator[None]:
    """Within this block, the signals are handled; one that was ignored before stays ignored (`nohup`)."""
    if threading.current_thread() is not threading.main_thread():  # Python allows handlers in the main thread only
        yield
        return
    previous = {number: signal.getsignal(number) for number in _NUMBERS}
    numbers = [number for number in _NUMBERS if previous[number] not in (signal.SIG_IGN, None)]
    for number in numbers:
        signal.signal(number, signals)
    _open.append(signals)
    if is_started_by_mlflow:
        signals.watch_starter()
    try:
        with _noticed(signals.begin_deadline, numbers):
            yield
    finally:
        signals.close()
        _open.remove(signals)
        for number in numbers:
            signal.signal(number, previous[number])


@contextmanager
def handling_signals() -> Iterator[None]:
    """Within this block, the signals are handled in a process that records no run."""
    with handling(Signals(lambda error: None), is_started_by_mlflow=False):
        yield


@contextmanager
def _noticed(notice: Callable[[int], None], numbers: Sequence[int]) -> Iterator[None]:
    """Within this block, a thread notices the signals, too: the handler has to wait while the main thread hangs."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    previous = signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    if previous != -1:  # of an event loop, or of another run that is open
        signal.set_wakeup_fd(previous)
    thread = threading.Thread(target=_notice, args=(reading, notice, numbers), daemon=True)
    thread.start()
    try:
        yield
    finally:
        if previous == -1:
            signal.set_wakeup_fd(-1)
        os.write(writing, _END)
        thread.join()
        os.close(writing)
        os.close(reading)


def _notice(reading: int, notice: Callable[[int], None], numbers: Sequence[int]) -> None:
    """Read the numbers of the signals until the end."""
    while (content := os.read(reading, 1)) != _END:
        if content[0] in numbers:
            notice(content[0])


@contextmanager
def asking(ask: Callable[[BaseException], None]) -> Iterator[None]:
    """Within this block, the first signal does not interrupt: `ask` gets the error to raise after the present step."""
    signals = _open[-1] if _open else None
    if signals is None:
        yield
        return
    signals.ask = ask
    try:
        yield
    finally:
        signals.ask = None


@contextmanager
def confirming(confirm: Callable[[], bool]) -> Iterator[None]:
    """Within this block, Ctrl-C ends the innermost open run only if `confirm`, which asks a person, says so."""
    signals = _open[-1] if _open else None
    if signals is None:  # in another thread than the main one
        yield
        return
    signals.confirm = confirm
    try:
        yield
    finally:
        signals.confirm = None


def end_hanging(error: BaseException) -> None:
    """End the innermost open run with an error, and the process, in another thread than the main one, which hangs."""
    if _open:
        _open[-1].end_hanging(error)
    os._exit(1)


def _to_main_thread(number: int) -> None:
    """Also a system call in which that thread waits then returns."""
    signal.pthread_kill(threading.main_thread().ident or 0, number)


def _error(number: int) -> BaseException:
    return KeyboardInterrupt() if number == signal.SIGINT else SystemExit(128 + number)


def _starters() -> tuple[int, ...]:
    """The parent of this process, and the parent of that if it is the shell in which `mlflow run` types a command."""
    parent = os.getppid()
    with suppress(OSError):  # there is no /proc, or the parent has just ended
        name, _, rest = Path(f"/proc/{parent}/stat").read_text().partition("(")[2].rpartition(")")
        if name in _SHELLS:
            return parent, int(rest.split()[1])
    return (parent,)
