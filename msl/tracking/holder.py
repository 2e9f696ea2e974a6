"""Which process on which machine trains a run, in words that another machine understands."""

import os
import platform
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_MACHINE_FILES = ("/etc/machine-id", "/proc/sys/kernel/random/boot_id")  # without the first, a boot is a machine
_BOOT_FILE = "/proc/sys/kernel/random/boot_id"
_PROCESSES = "/proc/self/ns/pid"  # processes of another container have other numbers
_START_FIELD = 19  # of /proc/PID/stat after the name: when the process started, in ticks since the boot


@dataclass(frozen=True, kw_only=True)
class Holder:
    """A process that trains a run."""

    host: str
    machine: str  # two machines may have the same name
    boot: str
    pid: int
    started: int  # ticks; a number of a process is used again

    @classmethod
    def here(cls) -> "Holder":
        """This process."""
        return cls.of(os.getpid())

    @classmethod
    def of(cls, pid: int) -> "Holder":
        """A process of this machine."""
        return cls(host=_host(), machine=_machine(), boot=_first_line(_BOOT_FILE), pid=pid, started=_started(pid) or 0)

    @classmethod
    def read(cls, content: Any) -> "Holder | None":
        """The holder in a record; None if it has none that can be read."""
        try:
            return cls(**content)
        except TypeError:
            return None

    @property
    def is_on_this_machine(self) -> bool:
        """Whether its machine is this one, at present or before a restart."""
        return (self.host, self.machine) == (_host(), _machine())

    @property
    def is_gone(self) -> bool:
        """Whether the process has certainly ended; of another machine nobody knows that."""
        if not self.is_on_this_machine:
            return False
        return self.boot != _first_line(_BOOT_FILE) or _started(self.pid) != self.started

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host}"


def _host() -> str:
    """MSL_MACHINE, else the name of the machine in its network."""
    return os.environ.get("MSL_MACHINE") or platform.node()


def _machine() -> str:
    """The machine and, in a container, the container."""
    container = ""
    with suppress(OSError):
        container = str(Path(_PROCESSES).readlink())
    return f"{next(filter(None, map(_first_line, _MACHINE_FILES)), '')} {container}".strip()


def _first_line(path: str) -> str:
    try:
        return Path(path).read_text().strip()
    except OSError:
        return ""


def _started(pid: int) -> int | None:
    """When a process started; None if there is none. Without /proc, 0 for every process that lives."""
    if not Path("/proc/self/stat").exists():
        return 0 if _lives(pid) else None
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[_START_FIELD])
    except (OSError, IndexError, ValueError):
        return None


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True
