"""Work beside the training."""

import logging
from collections.abc import Callable
from threading import Thread

from msl.errors import CheckpointError, MslError

log = logging.getLogger("msl")


class Background:
    """A thread that does one piece of work at a time; its error is raised in the training's thread."""

    def __init__(self) -> None:
        self._thread: Thread | None = None
        self._error: BaseException | None = None

    @property
    def is_busy(self) -> bool:
        """Whether a piece of work is not done."""
        return self._thread is not None and self._thread.is_alive()

    def start(self, work: Callable[[], None]) -> None:
        """Start a piece of work when the one before is done; raises its error as `wait` does."""
        self.wait()
        self._thread = Thread(target=self._carry_out, args=(work,), name="msl checkpoints")
        self._thread.start()

    def wait(self) -> None:
        """Return when the work is done.

        Raises:
            MslError: the error of the work; an error of another kind comes as CheckpointError.
        """
        if self._thread is not None:
            self._thread.join()
        self.check()

    def check(self) -> None:
        """Raise the error of the work that is done, if it has one, as `wait` does; return at once."""
        error, self._error = self._error, None
        if isinstance(error, MslError):
            raise error
        if error is not None:
            raise CheckpointError(f"a checkpoint could not be saved: {type(error).__name__}: {error}") from error

    def close(self) -> None:
        """Return when the work is done; its error goes to the log."""
        try:
            self.wait()
        except MslError as error:
            log.error("%s", error)

    def _carry_out(self, work: Callable[[], None]) -> None:
        try:
            work()
        except BaseException as error:  # every error, also of interpreter and memory, belongs to the training
            self._error = error
