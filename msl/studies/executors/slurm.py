"""Jobs of Slurm, by its own commands: sbatch, squeue, scancel. Jobs of one kind that are ready together are one array.

Slurm itself starts a job again that was preempted or whose node was lost; the job then resumes its run.
"""

import shutil
import subprocess
from collections.abc import Collection, Iterator, Sequence
from itertools import groupby
from shlex import join, quote

from msl.errors import ConfigError, TrackingError
from msl.studies.executors.protocol import ExecutorOptions, JobRequest, Needs

_COMMANDS = ("sbatch", "squeue", "scancel")
_ENDED = (
    "COMPLETED",
    "CANCELLED",
    "FAILED",
    "TIMEOUT",
    "NODE_FAIL",
    "BOOT_FAIL",
    "DEADLINE",
    "OUT_OF_MEMORY",
    "REVOKED",
)
_MOST = 200  # jobs in the queue at a time
_WARN_S = 60  # before a job's time is over: time for a checkpoint
_MB_GB = 1024


class Slurm:
    """A handle is the number of a job, with its number in an array: ``12_3``."""

    poll_s = 3.0

    def __init__(self, options: ExecutorOptions) -> None:
        """Look for Slurm's commands.

        Raises:
            ConfigError: they are missing.
        """
        if missing := [command for command in _COMMANDS if shutil.which(command) is None]:
            raise ConfigError(
                f"executor = slurm: {', '.join(missing)} cannot be found. Start the study on a machine from which "
                "jobs are submitted, or pass executor=local"
            )
        self._options, self._alive = options, 0

    def slots(self, needs: Collection[Needs]) -> int:
        """As said, else the most that are submitted at a time."""
        return self._most

    @property
    def _most(self) -> int:
        return self._options.slots or _MOST

    def check(self, needs: Needs) -> None:
        """Refuse a share of a card."""
        if needs.cards is not None and needs.cards % 1:
            raise ConfigError(
                f"executor = slurm: a job needs {needs.cards:g} of a card, and Slurm gives whole ones. Pass cards=1"
            )

    def take_slot(self, job: JobRequest) -> bool:
        """Take one of the slots; what does not fit into the cluster yet waits in its queue. Raises as `check` does."""
        self.check(job.needs)
        self._alive += 1
        return self._alive <= self._most

    def submit(self, jobs: Sequence[JobRequest]) -> list[str]:
        """Submit an array for jobs with the same needs, one after the other in the order of the jobs."""
        return [handle for _, group in groupby(jobs, _needs) for handle in self._submit(list(group))]

    def _submit(self, jobs: list[JobRequest]) -> list[str]:
        array = f"0-{len(jobs) - 1}"
        number = _run("sbatch", "--parsable", f"--array={array}", *self._options_of(jobs[0]), text=_script(jobs))
        job_id = number.strip().partition(";")[0]  # a cluster's name may follow
        return [f"{job_id}_{index}" for index in range(len(jobs))]

    def _options_of(self, job: JobRequest) -> Iterator[str]:
        yield from (f"--job-name={job.name}", f"--chdir={job.folder}", "--requeue", "--open-mode=append")
        yield from ("--output=/dev/null", "--error=/dev/null")  # each job writes into its own log
        yield from (f"--cpus-per-task={job.needs.cores}", f"--mem={round(job.needs.memory_gb * _MB_GB)}", "--ntasks=1")
        yield f"--signal=B:TERM@{_WARN_S}"
        if job.needs.cards:
            yield f"--gres=gpu:{job.needs.cards:.0f}"
        if self._options.partition:
            yield f"--partition={self._options.partition}"
        if self._options.time_limit:
            yield f"--time={self._options.time_limit}"

    def alive(self, handles: Collection[str]) -> set[str]:
        """Those that the queue has; one question for all."""
        query = "squeue", "--me", "--noheader", "--array", "--states=all", "--format=%i %T"
        lines = _run(*query).splitlines() if handles else []
        queued = {number for number, _, state in (line.partition(" ") for line in lines) if state not in _ENDED}
        self._alive = len(queued.intersection(handles))
        return queued.intersection(handles)

    def cancel(self, handles: Sequence[str]) -> None:
        """Take jobs out of the queue; those that run get SIGTERM and a moment."""
        if handles:
            _run("scancel", "--quiet", *handles)


def _needs(job: JobRequest) -> tuple[object, ...]:
    return job.needs, job.folder, tuple(sorted(job.environment.items()))


def _script(jobs: Sequence[JobRequest]) -> str:
    """A shell script that becomes the job of its number. Python itself is the process that gets Slurm's signals."""
    exports = [f"export {name}={quote(value)}" for name, value in jobs[0].environment.items()]
    cases = [f"{index}) exec {join(job.command)} >>{quote(str(job.log))} 2>&1 ;;" for index, job in enumerate(jobs)]
    threads = f"export OMP_NUM_THREADS={jobs[0].needs.cores}"
    return "\n".join(["#!/bin/sh", *exports, threads, 'case "$SLURM_ARRAY_TASK_ID" in', *cases, "esac", ""])


def _run(*command: str, text: str = "") -> str:
    process = subprocess.run(command, capture_output=True, text=True, input=text)
    if process.returncode:
        raise TrackingError(f"{command[0]}: {process.stderr.strip() or 'it has failed without a message'}")
    return process.stdout
