"""What a process does: whether it is stopped, and whether it computes or reads, as Linux tells it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_STOPPED, _RUNNING = "Tt", "R"  # states in /proc/PID/stat
_TICKS = 5  # of 10 ms: a process that only waits uses less in a minute
_STATE, _MAJOR_FAULTS, _USER_TICKS, _SYSTEM_TICKS = 0, 9, 11, 12  # fields of /proc/PID/stat after the name
_READS = ("rchar", "read_bytes")  # lines of /proc/PID/io


@dataclass(frozen=True)
class Activity:
    """What a process has done so far."""

    state: str
    ticks: int  # of computing time
    reads: int  # bytes read from files, and pages read back from the swap space

    @property
    def is_stopped(self) -> bool:
        """Whether a signal has stopped it."""
        return self.state in _STOPPED

    def is_work_since(self, earlier: "Activity") -> bool:
        """Whether the process has computed or read since then. A process that waits for the processor works, too."""
        return self.state == _RUNNING or self.reads > earlier.reads or self.ticks > earlier.ticks + _TICKS


def activity_of(pid: int) -> Activity | None:
    """The activity of a process; None if the system does not tell it."""
    folder = Path("/proc") / str(pid)
    try:
        fields = (folder / "stat").read_text().rpartition(")")[2].split()
        counts = dict(line.split(": ") for line in (folder / "io").read_text().splitlines())
    except OSError:
        return None
    reads = int(fields[_MAJOR_FAULTS]) + sum(int(counts[name]) for name in _READS)
    return Activity(fields[_STATE], int(fields[_USER_TICKS]) + int(fields[_SYSTEM_TICKS]), reads)


class Watch:
    """Counts how often in a row processes were seen stopped, or without any work."""

    def __init__(self, pids: Sequence[int]) -> None:
        self._worked = {pid: activity_of(pid) for pid in pids}
        self.stopped_looks = 0  # in which one of them was stopped
        self.idle_looks = 0  # in which none of them worked

    def look(self) -> None:
        """Look once more. Looks are counted and not seconds, because this process may have been stopped as well."""
        now = {pid: activity_of(pid) for pid in self._worked}
        is_stopped = any(activity is not None and activity.is_stopped for activity in now.values())
        self.stopped_looks = self.stopped_looks + 1 if is_stopped else 0
        workers = [pid for pid, activity in now.items() if _is_work(self._worked[pid], activity)]
        self.idle_looks = 0 if workers else self.idle_looks + 1
        if workers:
            self._worked = now


def _is_work(earlier: Activity | None, now: Activity | None) -> bool:
    """If the system tells nothing, nothing is known to be wrong."""
    return earlier is None or now is None or now.is_work_since(earlier)
