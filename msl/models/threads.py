"""How many threads a run on the CPU has if nobody says it: its share of the cores, beside the other runs.

With more threads than cores, each of many short parallel regions waits for a thread that another run holds. The number
is chosen once and stays, and what other programs do has no part in it: with another number, sums round differently, and
two runs of one seed would differ.
"""

import fcntl
import logging
import math
import os
import tempfile
import time
from functools import cache
from pathlib import Path

import torch

from msl.folder_lock import alone

log = logging.getLogger("msl")

_LOOK_S = 0.3  # in which runs that start together see each other
_PATIENCE_S = 1.0  # for a run that stands still while it counts: the count is worth no longer wait
_GROUPS = Path("/sys/fs/cgroup")
_RUNS: list[int] = []  # this process's entry among the runs of this machine, open as long as it lives


@cache
def free_threads() -> int:
    """The number of threads for this process; the log says so if it is smaller than that of the cores."""
    most = min(torch.get_num_threads(), usable_cores())
    if most == 1:
        return 1
    enter()
    time.sleep(_LOOK_S)
    runs = running(_folder())
    threads = share(most, runs)
    if threads < most:
        log.info("threads = %d: %d runs share %d cores. Pass threads for another number", threads, runs, most)
    return threads


def share(cores: int, runs: int) -> int:
    """The threads of one of several runs: an equal share of the cores."""
    return max(1, cores // max(1, runs))


def usable_cores(groups: Path = _GROUPS) -> int:
    """Cores that this process may use: those of its affinity, or fewer if its control group has a quota."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = _quota(groups)
    return cores if quota is None else max(1, min(cores, math.floor(quota)))


def _quota(groups: Path) -> float | None:
    """Cores that a control group, of version 2 or 1, allows; None if it does not limit them."""
    try:
        if (limits := groups / "cpu.max").is_file():
            quota, period = limits.read_text().split()
        else:
            quota, period = ((groups / "cpu" / f"cpu.cfs_{name}_us").read_text() for name in ("quota", "period"))
        return int(quota) / int(period) if quota.strip() not in ("max", "-1") else None
    except (OSError, ValueError):
        return None


def enter() -> None:
    """Enter this process among the runs of this machine until it ends."""
    if _RUNS:
        return
    try:
        _folder().mkdir(mode=0o700, exist_ok=True)
        with alone(_folder(), _PATIENCE_S):  # else who counts may take the entry for a dead one before it is locked
            entry = os.open(_folder() / str(os.getpid()), os.O_RDWR | os.O_CREAT)
            fcntl.flock(entry, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _RUNS.append(entry)
    except OSError as error:
        log.debug("other runs cannot see this one: %s", error)


def _folder() -> Path:
    return Path(tempfile.gettempdir()) / f"msl-runs-{os.getuid()}"


def running(folder: Path) -> int:
    """Runs of this user on this machine, at least this one; entries of processes that have ended are removed."""
    with alone(folder, _PATIENCE_S):
        entries = list(folder.iterdir()) if folder.is_dir() else []
        return max(1, sum(_is_held(entry) for entry in entries))


def _is_held(entry: Path) -> bool:
    try:
        with entry.open("r+") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            entry.unlink(missing_ok=True)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False
