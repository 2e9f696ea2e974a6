"""The rest of a process that a test's server has forked, and which goes on as another program."""

import os
import sys
import traceback
from collections.abc import Callable
from typing import NoReturn


def end_after(work: Callable[[], object], log: str) -> NoReturn:
    """Do the work in a session of its own, write what it prints at the end of a file, and end with its exit code."""
    os.setsid()
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for number in (1, 2):
        os.dup2(output, number)
    code = 1
    try:
        work()
        code = 0
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else int(error.code is not None)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
