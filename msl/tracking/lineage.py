"""Fingerprints: two runs with the same fingerprint have the same result, so a finished one can be used again."""

import json
from collections.abc import Iterable, Iterator, Mapping
from hashlib import sha256

from mlflow.entities import Run
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

from msl import schema
from msl.errors import TrackingError
from msl.tracking.closure import CODE
from msl.tracking.connection import connect
from msl.tracking.reaper import is_interrupted
from msl.tracking.search import LAST_ENDED_FIRST, search_runs

_RUNS_COMPARED = 100  # the newest, to find the nearest


def fingerprint(stage: str, settings: Mapping[str, object], inputs: Mapping[str, str], modules: Iterable[str]) -> str:
    """Digest (16 hex digits) of everything that decides a stage's result.

    Args:
        stage: its name.
        settings: the resolved settings that decide the result. A setting that is None does not count, so a new
            setting that nobody uses changes no fingerprint.
        inputs: digests of data, and of the results that the stage starts from.
        modules: those whose code decides the result; the modules that they reach count too (see
            `msl.tracking.closure`).
    """
    decisive = {name: value for name, value in settings.items() if value is not None}
    content = {"stage": stage, "settings": decisive, "inputs": dict(inputs), "code": CODE.digest(modules)}
    return sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]


def code_digest(modules: Iterable[str]) -> str:
    """Digest (16 hex digits) of the code that these modules reach."""
    return CODE.digest(modules)[:16]


def find_finished(client: MlflowClient, stage_fingerprint: str) -> str | None:
    """ID of the newest finished run, in any experiment, that has this fingerprint and still has its checkpoint."""
    query = f"tags.`{schema.FINGERPRINT}` = '{stage_fingerprint}' and attributes.status = '{schema.FINISHED}'"
    for run in search_runs(client, query, LAST_ENDED_FIRST):
        files = client.list_artifacts(run.info.run_id, schema.CHECKPOINT_FOLDER)
        if any(file.path.endswith(schema.LAST_CHECKPOINT) for file in files):
            return str(run.info.run_id)
    return None


def runs_like(client: MlflowClient, stage_fingerprint: str) -> Iterator[Run]:
    """The runs in any experiment that have this fingerprint, the newest first."""
    return search_runs(client, f"tags.`{schema.FINGERPRINT}` = '{stage_fingerprint}'")


def nearest_finished(client: MlflowClient, stage: str, settings: Mapping[str, object]) -> tuple[str, list[str]] | None:
    """ID of the finished run of a stage whose settings differ least, and the settings that differ.

    The newest of several such runs; None if the stage has no finished run.
    """
    return _nearest(_finished(client, stage, _RUNS_COMPARED), settings)


def nearest_interrupted(
    client: MlflowClient, stage: str, settings: Mapping[str, object]
) -> tuple[str, list[str]] | None:
    """ID of the interrupted run of a stage whose settings differ least, and the settings that differ.

    The newest of several such runs; None if the stage has no interrupted run.
    """
    runs = search_runs(client, f"tags.`{schema.STAGE}` = '{stage}'", most=_RUNS_COMPARED)
    return _nearest((run for run in runs if is_interrupted(run)), settings)


def recorded_settings(run: Run) -> dict[str, str]:
    """A run's settings as it recorded them, by option; of those that a resume changed, the newest value."""
    params, tags = schema.PARAM_PREFIX, schema.CHANGED_PREFIX
    first = {name.removeprefix(params): text for name, text in run.data.params.items() if name.startswith(params)}
    later = {name.removeprefix(tags): text for name, text in run.data.tags.items() if name.startswith(tags)}
    return first | later


def _nearest(runs: Iterable[Run], settings: Mapping[str, object]) -> tuple[str, list[str]] | None:
    nearest = None
    for run in runs:
        recorded = recorded_settings(run)
        run_settings = {name: recorded.get(name) for name in settings}
        differing = [f"{name}={value}" for name, value in run_settings.items() if value != str(settings[name])]
        if nearest is None or len(differing) < len(nearest[1]):
            nearest = str(run.info.run_id), differing
    return nearest


def finished_runs(stage: str, most: int) -> Iterator[tuple[str, dict[str, str], dict[str, str], dict[str, float]]]:
    """ID, tags, parameters and newest metrics of the finished runs of a stage, the newest first.

    Args:
        stage: its name.
        most: the number of runs that are read; none, if the store does not answer.
    """
    try:
        runs = list(_finished(connect(), stage, most))
    except (MlflowException, TrackingError):
        return
    yield from ((str(run.info.run_id), run.data.tags, run.data.params, run.data.metrics) for run in runs)


def _finished(client: MlflowClient, stage: str, most: int) -> Iterator[Run]:
    """The finished runs of a stage, the one that ended last first."""
    query = f"tags.`{schema.STAGE}` = '{stage}' and attributes.status = '{schema.FINISHED}'"
    return search_runs(client, query, LAST_ENDED_FIRST, most)
