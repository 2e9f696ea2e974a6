"""What the server has done, in numbers that Prometheus reads.

Each server process counts for itself and writes its numbers into a file every few seconds; whichever process is asked
adds up the files of all.
"""

import json
import os
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from threading import Lock, Thread

COUNTS = "MSL_SERVICE_COUNTS"  # the folder of the files
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_WRITE_EVERY_S = 2.0
_BUCKETS_S = (0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0, 60.0)
_IN_PROGRESS = "msl_requests_in_progress"
_FAMILIES = {  # name: kind and help
    "msl_requests_total": ("counter", "Requests that were answered, by method and status."),
    "msl_errors_total": ("counter", "Answers with a status of 500 and above."),
    "msl_login_waits_total": ("counter", "Requests that must wait after wrong passwords."),
    "msl_request_bytes_total": ("counter", "Bytes of the bodies of requests."),
    "msl_response_bytes_total": ("counter", "Bytes of the bodies of answers."),
    _IN_PROGRESS: ("gauge", "Requests that are being answered."),
    "msl_request_seconds": ("histogram", "Seconds from a request to the end of its answer."),
}
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class Counts:
    """The numbers of this process."""

    def __init__(self, folder: Path) -> None:
        """Count from 0, and write into this folder from now on."""
        self._file = folder / f"{os.getpid()}.json"
        self._numbers: defaultdict[str, float] = defaultdict(float)
        self._lock = Lock()
        Thread(target=self._write_always, daemon=True, name="counts").start()

    def begin(self) -> None:
        """A request has come."""
        self._add({_IN_PROGRESS: 1})

    def end(self, method: str, status: int, seconds: float, sizes: tuple[int, int]) -> None:
        """A request was answered; `sizes` are the bytes of its body and of the answer's."""
        method = method if method in _METHODS else "other"
        buckets = {_bucket(limit): 1 for limit in map(str, _BUCKETS_S) if seconds <= float(limit)}
        self._add(
            {
                _IN_PROGRESS: -1,
                f'msl_requests_total{{method="{method}",status="{status}"}}': 1,
                "msl_errors_total": status >= 500,
                "msl_login_waits_total": status == 429,
                "msl_request_bytes_total": sizes[0],
                "msl_response_bytes_total": sizes[1],
                **buckets,
                _bucket("+Inf"): 1,
                "msl_request_seconds_sum": seconds,
                "msl_request_seconds_count": 1,
            }
        )

    def page(self) -> str:
        """The numbers of all processes, as Prometheus reads them."""
        with suppress(OSError):
            self.write()
        total: defaultdict[str, float] = defaultdict(float)
        for file in self._file.parent.glob("*.json"):
            for name, number in json.loads(file.read_text()).items():
                total[name] += number if name != _IN_PROGRESS or _is_alive(int(file.stem)) else 0
        return "".join(f"{line}\n" for line in _lines(total))

    def write(self) -> None:
        """Write the numbers for the other processes."""
        with self._lock:
            part = self._file.with_suffix(".part")
            part.write_text(json.dumps(self._numbers))
            part.replace(self._file)

    def _add(self, numbers: dict[str, float]) -> None:
        with self._lock:
            for name, number in numbers.items():
                self._numbers[name] += number

    def _write_always(self) -> None:
        while True:
            with suppress(OSError):  # a full disk: the numbers stay in memory
                self.write()
            time.sleep(_WRITE_EVERY_S)


def empty(folder: Path) -> None:
    """Make the folder, and forget what an earlier server has counted."""
    folder.mkdir(exist_ok=True)
    for file in folder.iterdir():
        file.unlink(missing_ok=True)  # its processes may still be ending


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass  # another user's
    return True


def _bucket(limit: str) -> str:
    return f'msl_request_seconds_bucket{{le="{limit}"}}'


def _lines(numbers: Mapping[str, float]) -> Iterator[str]:
    for family, (kind, help_text) in _FAMILIES.items():
        yield f"# HELP {family} {help_text}"
        yield f"# TYPE {family} {kind}"
        for name in _in_order(family, numbers):
            yield f"{name} {numbers.get(name, 0):.15g}"


def _in_order(family: str, numbers: Mapping[str, float]) -> Iterable[str]:
    if family == "msl_request_seconds":
        return [*map(_bucket, (*map(str, _BUCKETS_S), "+Inf")), f"{family}_sum", f"{family}_count"]
    return sorted(name for name in numbers if name.partition("{")[0] == family) or [family]
