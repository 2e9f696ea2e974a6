"""When a checkpoint is due by time."""

import time
from collections.abc import Callable

INTERVAL_S = 60.0  # the most training that a crash can cost, as long as saving is cheap
LARGEST_SHARE = 0.03  # of the time that saving may take


class Cadence:
    """The time since the last checkpoint and the last upload, and what a checkpoint costs."""

    def __init__(self, upload_minutes: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._upload_s, self._clock = 60 * upload_minutes, clock
        self._cost_s = 0.0
        self._began = self._saved = self._uploaded = clock()

    @property
    def is_due(self) -> bool:
        """Whether a checkpoint is due."""
        return self._clock() - self._saved >= max(INTERVAL_S, self._cost_s / LARGEST_SHARE)

    @property
    def is_upload_due(self) -> bool:
        """Whether an upload is due."""
        return self._clock() - self._uploaded >= self._upload_s

    def restart(self) -> None:
        """Count from now."""
        self._saved = self._uploaded = self._clock()

    def begin(self, with_upload: bool) -> None:
        """A checkpoint begins now."""
        self._began = self._saved = self._clock()
        if with_upload:
            self._uploaded = self._began

    def end(self) -> None:
        """It is on the disk."""
        self._cost_s = self._clock() - self._began
