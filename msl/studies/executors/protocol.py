"""What a driver expects of an executor. Whether a run has finished is asked of the run store, not of an executor."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol


@dataclass(frozen=True, kw_only=True)
class ExecutorOptions:
    """What a user says of the place where jobs run."""

    slots: int | None = None  # jobs at a time; None = as many as fit
    partition: str | None = None  # of Slurm
    time_limit: int | None = None  # minutes of a job
    address: str | None = None  # of a Ray cluster


class Needs(NamedTuple):
    """What a job needs of a machine."""

    cores: int = 1
    memory_gb: float = 2.0
    cards: float | None = None  # GPUs; below 1: a share of one; None = one where the machine has any


@dataclass(frozen=True, kw_only=True)
class JobRequest:
    """A command line to be carried out somewhere."""

    name: str  # shown in queues
    command: Sequence[str]
    environment: Mapping[str, str]  # in addition to the present one
    folder: Path  # working directory
    log: Path  # output is added to it
    needs: Needs


class Executor(Protocol):
    """Carries jobs out. A handle is a text that another process of the driver understands, too."""

    poll_s: float  # between two looks at the jobs

    def __init__(self, options: ExecutorOptions) -> None:
        """Set it up; raises a ConfigError if this machine lacks what it needs."""

    def slots(self, needs: Collection[Needs]) -> int:
        """How many jobs with such needs can run at a time, for estimates."""

    def check(self, needs: Needs) -> None:
        """Refuse a job, before anything is submitted.

        Raises:
            ConfigError: there is never a slot for it.
        """

    def take_slot(self, job: JobRequest) -> bool:
        """Take a slot for a job that is submitted next; False if there is none. `alive` gives unused ones back.

        Raises:
            ConfigError: as `check` does.
        """

    def submit(self, jobs: Sequence[JobRequest]) -> list[str]:
        """Submit jobs; gives their handles in the same order.

        Raises:
            TrackingError: they are refused.
        """

    def alive(self, handles: Collection[str]) -> set[str]:
        """Those of the jobs that wait or run."""

    def cancel(self, handles: Sequence[str]) -> None:
        """Ask jobs to end, in this order; those that have ended are left alone."""
