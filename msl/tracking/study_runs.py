"""The runs of a study in the run store: its parent run, the runs below it, and those elsewhere that serve it."""

import time
from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from mlflow.entities import Run
from mlflow.tracking import MlflowClient

from msl import schema
from msl.errors import TrackingError
from msl.tracking.connection import experiment_id
from msl.tracking.lease import WATCHED_S, Lease, is_gone, lease_s, refuse_if_held, take
from msl.tracking.lineage import recorded_settings
from msl.tracking.reaper import is_silent
from msl.tracking.reporter import MlflowReporter
from msl.tracking.runs import open_run, reopen, reopened
from msl.tracking.search import search_runs
from msl.tracking.status import mark_failed

STUDY_STAGE = "study"
_LOOK_S = 2.0
_RECORDED_S = 60.0


@dataclass(frozen=True, kw_only=True)
class SeenRun:
    """A run as the store shows it."""

    run_id: str
    status: str  # FINISHED, FAILED, KILLED; RUNNING although it may be dead
    is_alive: bool  # it is RUNNING, and its process may live
    holder: str  # who trains it, in words
    tags: Mapping[str, str]
    settings: Mapping[str, str]  # as it recorded them, by option
    metrics: Mapping[str, float]  # the newest values
    seconds: float  # from its start to its end, or until now

    @property
    def is_finished(self) -> bool:
        """Whether its result can be used: it is FINISHED, and no clean-up has deleted its checkpoint."""
        return self.status == schema.FINISHED and schema.CLEANED not in self.tags

    @property
    def fingerprint(self) -> str:
        """Its fingerprint; empty if it was not described or has none."""
        return self.tags.get(schema.FINGERPRINT, "")

    @classmethod
    def of(cls, run: Run) -> "SeenRun":
        """What counts of MLflow's entity."""
        info, tags = run.info, dict(run.data.tags)
        is_running, lease = info.status == schema.RUNNING, Lease.of(run)
        end_ms = time.time() * 1000 if is_running or info.end_time is None else info.end_time
        return cls(
            run_id=info.run_id,
            status=info.status if is_running else tags.get(schema.STATUS, info.status),
            is_alive=is_running and not is_gone(run) and not is_silent(run),
            holder="" if lease is None else str(lease.holder),
            tags=tags,
            settings=recorded_settings(run),
            metrics=dict(run.data.metrics),
            seconds=max(0.0, (end_ms - info.start_time) / 1000),
        )


def runs_by_fingerprint(client: MlflowClient, fingerprints: Collection[str]) -> dict[str, list[SeenRun]]:
    """The runs of a store by their fingerprint, the newest first: one question, however many are looked for."""
    runs: dict[str, list[SeenRun]] = defaultdict(list)
    chosen = set(fingerprints)
    if len(chosen) == 1:
        query = f"tags.`{schema.FINGERPRINT}` = '{next(iter(chosen))}'"
    else:
        query = f"tags.`{schema.FINGERPRINT}` LIKE '%'"
    for run in search_runs(client, query) if chosen else ():
        if (name := run.data.tags[schema.FINGERPRINT]) in chosen:
            runs[name].append(SeenRun.of(run))
    return dict(runs)


def runs_of_node(client: MlflowClient, study_run: str, key: str) -> list[SeenRun]:
    """The runs that a study has started for a node, the newest first."""
    query = f"tags.`{schema.STUDY_NODE}` = '{key}' and tags.`{schema.MLFLOW_PARENT}` = '{study_run}'"
    return [SeenRun.of(run) for run in search_runs(client, query)]


def runs_in_study(client: MlflowClient, study_run: str) -> list[SeenRun]:
    """All runs directly below a study's parent run, the newest first."""
    return [SeenRun.of(run) for run in search_runs(client, f"tags.`{schema.MLFLOW_PARENT}` = '{study_run}'")]


def seen_run(client: MlflowClient, run_id: str) -> SeenRun:
    """A run by its ID."""
    return SeenRun.of(client.get_run(run_id))


def give_up(client: MlflowClient, run_id: str, reason: str) -> None:
    """Mark a run FAILED whose process has ended without a word."""
    mark_failed(client, run_id, reason)


def find_study_run(client: MlflowClient, name: str) -> SeenRun | None:
    """The newest parent run of a study of that name in the chosen experiment that is not FINISHED; None if all are."""
    query = f"tags.`{schema.STUDY}` = '{name}' and attributes.status != '{schema.FINISHED}'"
    chosen = experiment_id(client)
    runs = (run for run in search_runs(client, query) if run.info.experiment_id == chosen)
    run = next(runs, None)
    return None if run is None else SeenRun.of(run)


def open_study_run(client: MlflowClient, name: str, unfinished: str | None) -> MlflowReporter:
    """The parent run of a study: a new one, or one that ended early and goes on.

    Raises:
        TrackingError: another process drives it.
    """
    if unfinished is None:
        return open_run(client, f"study {name}", {schema.STAGE: STUDY_STAGE, schema.STUDY: name})
    take(client, unfinished)
    reporter = reopened(client, unfinished)
    reopen(reporter)
    return reporter


def wait_until_free(client: MlflowClient, run_id: str) -> None:
    """Wait until nobody has the lease of a run: the machine that had it may have stopped.

    Raises:
        TrackingError: a process trains it that goes on living.
    """
    until = time.monotonic() + lease_s() + 2 * WATCHED_S
    while True:
        try:
            refuse_if_held(client, run_id)
        except TrackingError:
            if time.monotonic() > until:
                raise
            time.sleep(_LOOK_S)
        else:
            return


def wait_until_recorded(client: MlflowClient, run_id: str) -> bool:
    """Wait until the store shows a run as FINISHED: its last records may be under way. False if that takes too long."""
    until = time.monotonic() + _RECORDED_S
    while client.get_run(run_id).info.status != schema.FINISHED:
        if time.monotonic() > until:
            return False
        time.sleep(_LOOK_S / 10)
    return True


def metric_rows(client: MlflowClient, run_id: str, metric: str) -> list[tuple[int, float]]:
    """Step and value of each row of a metric, in the order of the steps."""
    return sorted((row.step, row.value) for row in client.get_metric_history(run_id, metric))
