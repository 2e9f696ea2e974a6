"""The end of runs that cannot say it themselves: whoever gives no sign of life for ten minutes is marked FAILED.

Clocks of machines differ. So a sign is never compared with the time here: a run is dead if its signs have not changed
while this process watched it. A run that was taken for dead, but only had no network, says so itself afterwards: its
sender sets it back to RUNNING.
"""

import logging
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from mlflow.entities import Run
from mlflow.tracking import MlflowClient

from msl import schema
from msl.tracking.lease import WATCHED_S, Lease, lease_s, sign_of
from msl.tracking.status import close

log = logging.getLogger("msl")

_PAGE = 1000


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
    experiments, token = [one.experiment_id for one in client.search_experiments()], None
    while True:
        page = client.search_runs(
            experiments, f"attributes.status = '{schema.RUNNING}'", max_results=_PAGE, page_token=token
        )
        yield from (run for run in page if schema.HEARTBEAT in run.data.tags)
        token = page.token
        if not token:
            return


def mark_dead(client: MlflowClient, run: Run) -> bool:
    """Mark a run FAILED, unless it has changed since it was read; says whether it did."""
    newest = client.get_run(run.info.run_id)
    if newest.info.status != schema.RUNNING or sign_of(newest) != sign_of(run):
        return False
    close(client, run.info.run_id, {schema.ERROR: _reason(run), schema.STATUS: schema.FAILED})
    log.warning("run %s is marked FAILED: %s", run.info.run_id, _reason(run))
    return True


def _reason(run: Run) -> str:
    lease = Lease.of(run)
    place = f" of {lease.holder}" if lease is not None else ""
    return (
        f"no sign of life{place} since {run.data.tags[schema.HEARTBEAT]}: the process, its machine or its network "
        f"stopped. `msl sync` on that machine sends what is left there; -P resume={run.info.run_id} continues the run"
    )


def _is_suspect(run: Run) -> bool:
    lease, silence_s = Lease.of(run), _silence_s(run.data.tags)
    is_gone = lease is not None and lease.holder.is_gone
    return silence_s > (lease_s() if is_gone else schema.SILENT_S)


def _silence_s(tags: Mapping[str, str]) -> float:
    """Seconds since the last sign by the clock here; 0 if the sign cannot be read."""
    with suppress(ValueError):
        return time.time() - datetime.fromisoformat(tags[schema.HEARTBEAT]).timestamp()
    return 0.0
