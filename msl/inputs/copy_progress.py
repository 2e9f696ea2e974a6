"""How far a styled copy is, in the run and in the log of each process that makes it."""

import logging
import time

from msl import schema
from msl.inputs.copies import StyledCopy
from msl.inputs.makers import Makers
from msl.tracking import MlflowReporter

log = logging.getLogger("msl")

_SHOWN_EVERY_S = 5.0


class CopyProgress:
    """Counts the images that are there, and shows who makes them."""

    def __init__(self, copy: StyledCopy, makers: Makers, reporter: MlflowReporter) -> None:
        self.images_made = 0  # by this process
        self._total = sum(len(checked.domain) for checked in copy.contents.values())
        self._done, self._makers, self._reporter = 0, makers, reporter
        self._shown_at = self._told_at = -_SHOWN_EVERY_S

    def add(self, is_new: bool, images_per_s: float, is_last: bool) -> None:
        """An image is there."""
        self._done += 1
        self.images_made += is_new
        if is_last or time.monotonic() - self._shown_at > _SHOWN_EVERY_S:
            self._shown_at = time.monotonic()
            self._reporter.metrics({schema.IMAGES_PER_S: images_per_s}, self.images_made)
            self._reporter.tags({schema.PROGRESS: self._text()})

    def wait(self, count: int) -> None:
        """Other processes are making so many images, for which this one waits."""
        others = self._makers.tell_changes()
        if time.monotonic() - self._told_at > _SHOWN_EVERY_S:
            self._told_at = time.monotonic()
            log.info("%s; waiting for %d images of %s", self._text(), count, " and ".join(sorted(others)) or "others")

    def _text(self) -> str:
        others = self._makers.tell_changes()
        shared = f", made together with {' and '.join(sorted(others))}" if others else ""
        return f"{self._done} of {self._total} images{shared}"
