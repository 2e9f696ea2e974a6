"""The progress of long work: a bar on a terminal; in a log file, a line a minute without control characters."""

import logging
import sys
from collections.abc import Iterable
from typing import Any

from tqdm import tqdm

from msl.console.logs import is_quiet

log = logging.getLogger("msl")

_TERMINAL_S = 0.5
_LOG_S = 60.0
_LINE = "{desc}: {n_fmt}/{total_fmt} [{elapsed}<{remaining}, {rate_fmt}{postfix}]"


class _Log:
    """A file for tqdm whose lines become messages."""

    def write(self, text: str) -> None:
        """Log what is more than a control character."""
        if line := text.strip():
            log.info("%s", line)

    def flush(self) -> None:
        """Messages do not wait."""


def progress(
    iterable: Iterable[Any] | None = None, *, title: str, unit: str, total: int | None = None, **more: Any
) -> "tqdm[Any]":
    """A progress bar, used as tqdm's own. Work of less than a minute leaves no line in a log file.

    Args:
        iterable: what is worked on; if left out, `update` advances the bar.
        title: in front of it.
        unit: of what is counted.
        total: number of steps.
        more: other arguments of `tqdm.tqdm`.
    """
    is_bar = sys.stderr.isatty() and not is_quiet()
    interval_s = _TERMINAL_S if is_bar else _LOG_S
    options = {"mininterval": interval_s, "maxinterval": interval_s} | more
    if not is_bar:
        options |= {"file": _Log(), "bar_format": _LINE, "delay": _LOG_S}
    return tqdm(iterable, desc=title, unit=unit, total=total, **options)
