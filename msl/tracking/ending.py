"""The end of a run: FINISHED, FAILED with the error, or KILLED by a signal, unless kill -9 stops the process."""

import logging
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from mlflow.exceptions import MlflowException

from msl import schema
from msl.console import explained, masked
from msl.errors import TrackingError
from msl.tracking.reporter import MlflowReporter
from msl.tracking.signals import Signals, handling
from msl.tracking.status import MESSAGE_LIMIT, way_on

log = logging.getLogger("msl")


@contextmanager
def ending(reporter: MlflowReporter, is_resumable: bool = False) -> Iterator[None]:
    """End the run after this block: FINISHED, FAILED with the error and its traceback, or KILLED by a signal.

    Args:
        reporter: of the run.
        is_resumable: whether the run can be resumed: it trains.
    """

    def end(error: BaseException) -> None:
        _end(reporter, error, signals.reason and f"{signals.reason}. {way_on(reporter.run_id, is_resumable)}")

    signals = Signals(end)
    with handling(signals, reporter.is_started_by_mlflow), _beating(reporter):
        try:
            yield
            reporter.end(schema.FINISHED)
        except BaseException as error:
            signals.leave()
            end(error)
            raise


@contextmanager
def _beating(reporter: MlflowReporter) -> Iterator[None]:
    """Within this block, a thread shows that the run is alive: checks of data and evaluations take minutes."""
    is_over = threading.Event()

    def beat() -> None:
        while not is_over.wait(schema.HEARTBEAT_EVERY_S):
            with suppress(MlflowException, OSError, TrackingError):  # the next one may arrive
                reporter.beat()

    threading.Thread(target=beat, daemon=True).start()
    try:
        yield
    finally:
        is_over.set()


def _end(reporter: MlflowReporter, error: BaseException, stopped: str) -> None:
    """End the run after an error, unless it has ended before; perhaps it was the server or the disk that failed.

    Args:
        reporter: of the run.
        error: that ends it.
        stopped: what to say of a signal; empty if none came.
    """
    if reporter.ended:
        return
    is_killed = isinstance(error, KeyboardInterrupt | SystemExit)
    message = masked(f"{type(error).__name__}: {explained(error) or error}")
    if stopped and is_killed:
        message = stopped
        log.warning("%s", message)
    if not is_killed:
        with suppress(MlflowException, OSError, TrackingError):
            trace = masked("".join(traceback.format_exception(error)))
            reporter.text(trace, f"{schema.ERROR_FOLDER}/{schema.TRACEBACK_FILE}")
    with suppress(MlflowException, OSError, TrackingError):
        reporter.end(schema.KILLED if is_killed else schema.FAILED, message[:MESSAGE_LIMIT])
