"""Fingerprints: by which a finished run is found again whose result fits."""

import json
from collections.abc import Iterable, Mapping
from hashlib import sha256

from mlflow.tracking import MlflowClient

from msl import schema
from msl.tracking.closure import CODE

_COMPARED = 100  # newest runs among which the nearest is sought


def fingerprint(stage: str, settings: Mapping[str, object], inputs: Mapping[str, str], modules: Iterable[str]) -> str:
    """Digest (16 hex digits) of everything that decides a stage's result.

    Args:
        stage: its name.
        settings: resolved, the decisive ones alone. One that is None is off or filled in elsewhere and does not count,
            so that a new setting which nobody uses changes nothing.
        inputs: digests of data, and of the results that it starts from.
        modules: whose code decides it, with all that they reach (see `msl.tracking.closure`).
    """
    decisive = {name: value for name, value in settings.items() if value is not None}
    content = {"stage": stage, "settings": decisive, "inputs": dict(inputs), "code": CODE.digest(modules)}
    return sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]


def find_finished(client: MlflowClient, wanted: str) -> str | None:
    """ID of the newest finished run, in any experiment, with that fingerprint and a checkpoint that is still there."""
    experiments = [experiment.experiment_id for experiment in client.search_experiments()]
    query = f"tags.`{schema.FINGERPRINT}` = '{wanted}' and attributes.status = 'FINISHED'"
    for run in client.search_runs(experiments, query, order_by=["attributes.end_time DESC"]):
        files = client.list_artifacts(run.info.run_id, schema.CHECKPOINT_FOLDER)
        if any(file.path.endswith(schema.LAST_CHECKPOINT) for file in files):
            return str(run.info.run_id)
    return None


def nearest_finished(client: MlflowClient, stage: str, settings: Mapping[str, object]) -> tuple[str, list[str]] | None:
    """ID of the finished run of a stage whose settings differ least, the newest of equals, and in what they differ."""
    experiments = [experiment.experiment_id for experiment in client.search_experiments()]
    query = f"tags.`{schema.STAGE}` = '{stage}' and attributes.status = 'FINISHED'"
    nearest = None
    for run in client.search_runs(experiments, query, order_by=["attributes.end_time DESC"], max_results=_COMPARED):
        own = {name: run.data.params.get(schema.param(name)) for name in settings}
        differing = [f"{name}={own[name]}" for name, wanted in settings.items() if own[name] != str(wanted)]
        if nearest is None or len(differing) < len(nearest[1]):
            nearest = str(run.info.run_id), differing
    return nearest
