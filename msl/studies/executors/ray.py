"""Jobs of a Ray cluster, by its own interface for jobs: Ray chooses the nodes by cores, memory and cards."""

import os
from collections.abc import Collection, Sequence
from contextlib import suppress
from shlex import join, quote
from typing import TYPE_CHECKING

from msl.errors import ConfigError, TrackingError
from msl.studies.executors.protocol import ExecutorOptions, JobRequest, Needs

if TYPE_CHECKING:
    from ray.job_submission import JobSubmissionClient

_ADDRESS = "RAY_ADDRESS"
_ALIVE = ("PENDING", "RUNNING")
_MOST = 200  # jobs submitted at a time
_BYTES_GB = 1024**3


class Ray:
    """A handle is the submission ID of a job."""

    poll_s = 2.0

    def __init__(self, options: ExecutorOptions) -> None:
        """Connect to the cluster's dashboard.

        Raises:
            ConfigError: Ray is missing, no cluster is named, or it does not answer.
        """
        self._client, self._slots, self._alive = _connect(options.address), options.slots, 0

    def slots(self, needs: Collection[Needs]) -> int:
        """As said, else the most that are submitted at a time."""
        return self._most

    @property
    def _most(self) -> int:
        return self._slots or _MOST

    def check(self, needs: Needs) -> None:
        """Refuse nothing: nodes with such cards may join the cluster later."""

    def take_slot(self, job: JobRequest) -> bool:
        """Take one of the slots; jobs that do not fit into the cluster yet wait in its queue."""
        self._alive += 1
        return self._alive <= self._most

    def submit(self, jobs: Sequence[JobRequest]) -> list[str]:
        """Submit each job."""
        return [self._submit(job) for job in jobs]

    def _submit(self, job: JobRequest) -> str:
        command = f"cd {quote(str(job.folder))} && exec {join(job.command)} >>{quote(str(job.log))} 2>&1"
        environment = {**job.environment, "OMP_NUM_THREADS": str(job.needs.cores)}
        try:
            handle: str = self._client.submit_job(
                entrypoint=command,
                runtime_env={"env_vars": environment},
                entrypoint_num_cpus=job.needs.cores,
                entrypoint_num_gpus=job.needs.cards or 0,
                entrypoint_memory=round(job.needs.memory_gb * _BYTES_GB),
                metadata={"name": job.name},
            )
        except RuntimeError as error:
            raise TrackingError(f"Ray refuses a job: {error}") from error
        return handle

    def alive(self, handles: Collection[str]) -> set[str]:
        """Those that wait or run; one question for all."""
        jobs = self._client.list_jobs() if handles else []
        living = {str(job.submission_id) for job in jobs if job.status in _ALIVE}
        self._alive = len(living.intersection(handles))
        return living.intersection(handles)

    def cancel(self, handles: Sequence[str]) -> None:
        """Ask Ray to stop jobs: it sends SIGTERM."""
        for handle in handles:
            with suppress(RuntimeError):  # it has ended
                self._client.stop_job(handle)


def _connect(address: str | None) -> "JobSubmissionClient":
    try:
        from ray.job_submission import JobSubmissionClient
    except ImportError as error:
        raise ConfigError("executor = ray: Ray is missing. `pip install msl[ray]` installs it.") from error
    place = address or os.environ.get(_ADDRESS)
    if not place:
        raise ConfigError(f"executor = ray: pass address=http://HOST:8265, the cluster's dashboard, or set {_ADDRESS}")
    try:
        return JobSubmissionClient(place)
    except (ConnectionError, RuntimeError) as error:
        raise ConfigError(f"address = {place}: no Ray cluster answers there: {error}") from error
