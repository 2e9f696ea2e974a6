"""A program at a terminal of its own, and a person who types there."""

import os
import pty
import select
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial

from conftest import REPOSITORY

CTRL_C = "\x03"


class Terminal:
    """What a program shows at its terminal, and what is typed there."""

    def __init__(self, process: subprocess.Popen[bytes], screen: int) -> None:
        self.process, self._screen, self.shown = process, screen, ""

    def type(self, text: str) -> None:
        """Type it; forget what was shown before."""
        self.shown = ""
        os.write(self._screen, text.encode())

    def wait_for(self, text: str, seconds: float = 120) -> None:
        """Return when the program has shown a text since something was typed."""
        until = time.monotonic() + seconds
        while text not in self.shown:
            assert time.monotonic() < until, self.shown
            if select.select([self._screen], [], [], 0.1)[0]:
                self.shown += os.read(self._screen, 10_000).decode(errors="replace")


@contextmanager
def at_terminal(command: Sequence[str]) -> Iterator[Terminal]:
    """A command in the foreground of a new terminal; it has ended when the block has."""
    screen, terminal = pty.openpty()
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY), "OMP_NUM_THREADS": "1"}
    hears = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)  # a shell in the background lets it be ignored
    process = subprocess.Popen(
        ["setsid", "--ctty", *command],
        env=environment,
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        preexec_fn=hears,
    )
    os.close(terminal)
    try:
        yield Terminal(process, screen)
    finally:
        process.kill()
        process.wait()
        os.close(screen)
