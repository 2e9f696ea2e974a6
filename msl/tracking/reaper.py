"""The end of runs that cannot say it themselves: whoever gives no sign of life for ten minutes is marked FAILED.

Clocks of machines differ. So a sign is never compared with the time here: a run is dead if its signs have not changed
while this process watched it. A run that was taken for dead, but only had no network, says so itself afterwards: its
sender sets it back to RUNNING.
"""

import logging
import math
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from mlflow.entities import Run
from mlflow.tracking import MlflowClient

from msl import schema
from msl.tracking.lease import WATCHED_S, Lease, is_gone, lease_s, sign_of
from msl.tracking.run_folder import is_in_use, work_folder
from msl.tracking.search import search_runs
from msl.tracking.status import mark_failed, way_on

log = logging.getLogger("msl")


@dataclass(frozen=True)
class _Seen:
    """The signs of a run, and since when they are the same."""

    sign: tuple[str, str, str]
    since: float


class Reaper:
    """Watches all runs in progress of a store."""

    def __init__(self, client: MlflowClient) -> None:
        """Set it up; the first look marks nothing."""
        self._client = client
        self._seen: dict[str, _Seen] = {}

    def look(self, silent_s: float = schema.SILENT_S) -> list[str]:
        """Mark the runs FAILED that have given no sign for so long; gives their IDs.

        A run that waits for its child lives as long as the child does. Runs that never gave a sign are not msl's.

        Raises:
            MlflowException: the store cannot be read or written.
        """
        now = time.monotonic()
        runs = {run.info.run_id: run for run in runs_in_progress(self._client)}
        self._seen = {run_id: self._newest(run_id, sign_of(run), now) for run_id, run in runs.items()}
        silent = {run_id for run_id, seen in self._seen.items() if now - seen.since >= silent_s}
        spared = {runs[run_id].data.tags.get(schema.MLFLOW_PARENT) for run_id in runs.keys() - silent}
        return [run_id for run_id in silent - spared if mark_dead(self._client, runs[run_id])]

    def _newest(self, run_id: str, sign: tuple[str, str, str], now: float) -> _Seen:
        seen = self._seen.get(run_id)
        return seen if seen is not None and seen.sign == sign else _Seen(sign, now)


def reap_now(client: MlflowClient) -> list[str]:
    """Mark the runs FAILED that are dead already; gives their IDs.

    They have been silent for ten minutes by the clock here, or for the time of a lease if it can be seen here that
    their process is gone; and they give no sign while this function watches them, which takes most of a minute.
    """
    suspects = [run for run in runs_in_progress(client) if _is_suspect(run)]
    if not suspects:
        return []
    log.info("%d runs give no sign of life; watching them for %g s", len(suspects), WATCHED_S)
    time.sleep(WATCHED_S)
    signs = {run.info.run_id: sign_of(run) for run in suspects}
    living = [run for run in runs_in_progress(client) if sign_of(run) != signs.get(run.info.run_id)]
    spared = {run.data.tags.get(schema.MLFLOW_PARENT) for run in living}
    return [run.info.run_id for run in suspects if run.info.run_id not in spared and mark_dead(client, run)]


def runs_in_progress(client: MlflowClient) -> Iterator[Run]:
    """The runs of every experiment that are in progress and have given a sign of life."""
    runs = search_runs(client, f"attributes.status = '{schema.RUNNING}'")
    return (run for run in runs if schema.HEARTBEAT in run.data.tags)


def mark_dead(client: MlflowClient, run: Run) -> bool:
    """Mark a run FAILED, unless it has changed since it was read; says whether it was marked."""
    newest = client.get_run(run.info.run_id)
    if newest.info.status != schema.RUNNING or sign_of(newest) != sign_of(run):
        return False
    is_marked = mark_failed(client, run.info.run_id, _reason(run))
    if is_marked:
        log.warning("run %s is marked FAILED: %s", run.info.run_id, _reason(run))
    return is_marked


def mark_gone(client: MlflowClient, run: Run) -> bool:
    """Mark a run FAILED if its process was on this machine and has ended; says whether it was marked."""
    return run.info.status == schema.RUNNING and is_gone(run) and mark_dead(client, run)


def is_interrupted(run: Run) -> bool:
    """Whether a run has failed, was killed or is dead, and no process that may live trains it."""
    folder = work_folder() / run.info.run_id
    if is_in_use(folder):
        return False
    if run.info.status != schema.RUNNING:
        return run.data.tags.get(schema.STATUS, run.info.status) in (schema.FAILED, schema.KILLED)
    has_no_lease = Lease.of(run) is None  # of older code: the lock of its folder says enough
    return is_gone(run) or is_silent(run) or (has_no_lease and folder.is_dir())


def is_silent(run: Run) -> bool:
    """Whether a run has given no sign of life for ten minutes, by the clock here."""
    return silence_s(run.data.tags) > schema.SILENT_S


def silence_s(tags: Mapping[str, str]) -> float:
    """Seconds since the last sign by the clock here; 0 if the sign cannot be read, endless if there is none."""
    if schema.HEARTBEAT not in tags:
        return math.inf
    with suppress(ValueError):
        return time.time() - datetime.fromisoformat(tags[schema.HEARTBEAT]).timestamp()
    return 0.0


def _reason(run: Run) -> str:
    lease = Lease.of(run)
    place = f" of {lease.holder}" if lease is not None else ""
    is_resumable = schema.FINGERPRINT in run.data.tags
    rest = "`msl sync` on that machine sends what is left there. " if is_resumable else ""
    return (
        f"no sign of life{place} since {run.data.tags[schema.HEARTBEAT]}: the process, its machine or its network "
        f"stopped. {rest}{way_on(run.info.run_id, is_resumable)}"
    )


def _is_suspect(run: Run) -> bool:
    return is_silent(run) or (is_gone(run) and silence_s(run.data.tags) > lease_s())
