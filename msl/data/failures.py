"""Errors of loading processes, as the user is told them: the cause and the way out."""

import errno
import re
import signal
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import msl.errors
from msl.data.shared_memory import shortage
from msl.errors import LoadingError, MslError

_OTHER_WAYS = "Pass a smaller num_workers or batch_size, or -P num_workers=0, which loads without other processes."
_MEMORY = f"The machine's or the container's memory is probably too small. {_OTHER_WAYS}"
_FILES = "Too many files are open: raise the limit (ulimit -n 65536), or pass -P num_workers=0."
_TRACEBACK = "-P num_workers=0 loads without other processes and shows where the error happens."
_STOPPED_FROM_OUTSIDE = "Another program or a person ended it. The run can be resumed."

# The last line of torch's messages; signals are named as the C library does.
_ENDED = re.compile(r"DataLoader worker \(pid(?:\(s\))? ([\d, ]+)\) (.+)", re.DOTALL)
_SIGNAL, _CODE = re.compile(r"is killed by signal: (.+?)\. "), re.compile(r"with exit code (\d+)")
_BUS_ERROR = "Bus error"
_WAYS_OUT = {
    "Killed": f"Linux kills a process like this if memory runs out. {_MEMORY}",
    "Terminated": _STOPPED_FROM_OUTSIDE,
    "Segmentation fault": f"A library crashed. {_TRACEBACK}",
}


KILLED: dict[str, LoadingError] = {}  # why this program has killed a loading process, by its id


@dataclass(frozen=True)
class Failure:
    """An error in a loading process, in strings: they pass to another process whatever the error was."""

    kind: str  # name of the exception's class
    text: str

    @classmethod
    def of(cls, error: BaseException) -> "Failure":
        """The failure that tells of `error`."""
        if isinstance(error, MslError):
            return cls(type(error).__name__, str(error))
        name = "".join(traceback.format_exception_only(error)).strip()
        frame = traceback.extract_tb(error.__traceback__)[-1]
        return cls(LoadingError.__name__, f"{name} ({frame.filename}, line {frame.lineno}). {_way_out(error)}")

    def error(self, title: str) -> MslError:
        """The error to raise in the process that needs the data."""
        kind = getattr(msl.errors, self.kind, MslError)
        if kind is LoadingError:
            return LoadingError(f"{title}: a loading process failed: {self.text}")
        return kind(self.text)


@contextmanager
def loading_explained() -> Iterator[None]:
    """Within this block, a loading process that ends makes a LoadingError: torch raises its own wherever the code is.

    Raises:
        LoadingError: a loading process has ended.
    """
    try:
        yield
    except RuntimeError as error:
        if _ENDED.search(str(error)) is None:
            raise
        raise explained(error) from error


def explained(error: Exception, exit_codes: Mapping[int, int] | None = None) -> LoadingError:
    """The error of a data loader in words that say what to do.

    Args:
        error: of torch.
        exit_codes: of the loading processes that have ended, by process id, if they are known; a signal's is negative.
    """
    for pid, code in (exit_codes or {}).items():
        return _ended(str(pid), signal.strsignal(-code) if code < 0 else None, code)
    told = _ENDED.search(str(error))
    if told is None:
        return LoadingError(f"batches from the loading processes are lost: {error}. {_way_out(error)}")
    name, code_text = _SIGNAL.search(told[2]), _CODE.search(told[2])
    return _ended(told[1], name[1] if name else None, int(code_text[1]) if code_text else 0)


def _ended(pid: str, signal_name: str | None, code: int) -> LoadingError:
    if pid in KILLED:
        return KILLED[pid]
    how = f"was ended by a signal: {signal_name}" if signal_name else f"ended with exit code {code}"
    way_out = shortage() if signal_name == _BUS_ERROR else _WAYS_OUT.get(signal_name or "", _TRACEBACK)
    return LoadingError(f"the loading process {pid} {how}. {way_out}")


def _way_out(error: BaseException) -> str:
    """What a user can do about an error that is not about the data."""
    text = str(error)
    if isinstance(error, MemoryError) or getattr(error, "errno", None) == errno.ENOMEM:
        return _MEMORY
    if "shared memory" in text or "/torch_" in text:
        return shortage()
    return _FILES if "Too many open files" in text else _TRACEBACK
