"""The outermost edge of a command: every error becomes one line, and one that nobody expected a file too."""

import errno
import os
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from msl.console.explain import explained
from msl.console.passwords import masked

_REFUSED = 1  # exit code: an error that the user can mend
UNEXPECTED = 70  # exit code: an internal error (EX_SOFTWARE of sysexits.h)
_LINE = 400  # characters of the message that are shown


@contextmanager
def guarded(*expected: type[Exception]) -> Iterator[None]:
    """Within this block, an error ends the process with one line.

    If its user can mend it, the line says how, and the exit code is 1. Otherwise it is `UNEXPECTED`, and the traceback
    is in a file that the line names.

    Args:
        expected: errors that somebody above shows to the user.
    """
    try:
        yield
    except expected:
        raise
    except Exception as error:
        if isinstance(error, OSError) and error.errno == errno.EPIPE:  # `msl table | head`
            raise
        if (text := explained(error)) is not None:
            print(f"Error: {text}", file=sys.stderr)
            sys.exit(_REFUSED)
        message = " ".join(masked(str(error)).split())[:_LINE]
        place = _write(masked("".join(traceback.format_exception(error))))
        text = f"Error: unexpected {type(error).__name__}: {message}. This is a fault of msl or of a library below it"
        print(f"{text}; the traceback is in {place}", file=sys.stderr)
        sys.exit(UNEXPECTED)


def _write(trace: str) -> Path | str:
    """Write the traceback where runs are kept on this machine, or else where temporary files are."""
    name = f"{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}.txt"
    for folder in (Path(os.environ.get("MSL_WORK") or ".msl") / "errors", Path(tempfile.gettempdir())):
        try:
            folder.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(trace)
        except OSError:
            continue
        return (folder / name).absolute()
    return f"no file, because no folder can be written:\n{trace}"
