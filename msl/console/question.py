"""A question to the person at the terminal."""

import os
import select
import sys


def confirmed(question: str, wait_s: float) -> bool:
    """Whether the person at the terminal says yes. No answer in time is a no; where nobody can answer, it is a yes."""
    if not _is_in_foreground():
        return True
    print(f"\n{question} [y/N] (no answer in {wait_s:g} s: no) ", end="", file=sys.stderr, flush=True)
    answered, _, _ = select.select([sys.stdin], [], [], wait_s)
    if not answered:
        print(file=sys.stderr)
        return False
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def _is_in_foreground() -> bool:
    """Whether a terminal's input comes here; a process in the background would be stopped by reading."""
    try:
        return sys.stderr.isatty() and os.tcgetpgrp(sys.stdin.fileno()) == os.getpgrp()
    except (OSError, ValueError):  # no terminal, or it is closed
        return False
