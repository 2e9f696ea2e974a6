"""The way to the tracking server."""

import os
from pathlib import Path

import mlflow
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient
from sqlalchemy.exc import SQLAlchemyError

from msl.console import is_explained, masked, reason, unset_empty_variables, wrong_address
from msl.errors import TrackingError
from msl.store_lock import opening
from msl.tracking.health import status_of

Client = MlflowClient  # the name by which the rest of msl uses it

_SQLITE = "sqlite:///"
_TIMEOUT_S = 10  # MLflow itself would try for four minutes
_WAY_OUT = "Set MLFLOW_TRACKING_URI to a running server (`make serve` starts one) or to sqlite:///mlflow.db."


def connect() -> MlflowClient:
    """A client of the tracking store that MLflow's own settings name (MLFLOW_TRACKING_URI); an empty one gets tables.

    Raises:
        TrackingError: it cannot be reached or opened.
    """
    unset_empty_variables()
    uri = mlflow.get_tracking_uri()
    if (refusal := wrong_address(uri)) is not None:
        raise TrackingError(f"MLFLOW_TRACKING_URI = {uri}: {refusal}")
    try:
        if uri.startswith(("http://", "https://")):
            status_of(uri, _TIMEOUT_S)
        with opening(uri):
            client = MlflowClient()
            client.search_experiments(max_results=1)
    except (MlflowException, SQLAlchemyError, OSError, ValueError, ImportError) as error:
        way_out = "" if is_explained(error) else f". {_WAY_OUT}"
        raise TrackingError(f"tracking store {masked(uri)} cannot be used: {reason(error, uri)}{way_out}") from error
    return client


def missing_store() -> Path | None:
    """The SQLite file of the store that MLflow's own settings name, if there is none; `connect` would make it."""
    uri = mlflow.get_tracking_uri()
    path = Path(uri.removeprefix(_SQLITE))
    return path if uri.startswith(_SQLITE) and not path.is_file() else None


def experiment_id(client: MlflowClient) -> str:
    """ID of the experiment that MLflow's own settings name, made if it does not exist; `mlflow run` sets the ID."""
    chosen_id = os.environ.get("MLFLOW_EXPERIMENT_ID")
    if chosen_id:
        return _existing(client, chosen_id)
    return experiment_named(client, os.environ.get("MLFLOW_EXPERIMENT_NAME") or "Default")


def _existing(client: MlflowClient, chosen_id: str) -> str:
    """The ID of an experiment, if the store has it and it is not deleted."""
    try:
        experiment = client.get_experiment(chosen_id)
    except MlflowException as error:
        if error.get_http_status_code() not in (400, 404):
            raise TrackingError(f"MLFLOW_EXPERIMENT_ID = {chosen_id}: {reason(error)}") from error
        raise TrackingError(
            f"MLFLOW_EXPERIMENT_ID = {chosen_id}: the run store has no experiment with this ID, which is a number. "
            "Unset it, and set MLFLOW_EXPERIMENT_NAME to the name of an experiment."
        ) from error
    if experiment.lifecycle_stage != "active":
        raise TrackingError(
            f"MLFLOW_EXPERIMENT_ID = {chosen_id}: experiment {experiment.name!r} is deleted. `mlflow experiments "
            f"restore -x {chosen_id}` restores it; or unset MLFLOW_EXPERIMENT_ID, and set MLFLOW_EXPERIMENT_NAME."
        )
    return chosen_id


def experiment_named(client: MlflowClient, name: str) -> str:
    """ID of the experiment of that name, made if it does not exist.

    Raises:
        TrackingError: it cannot be made, or it is deleted.
    """
    experiment = client.get_experiment_by_name(name)
    if experiment is None:
        try:
            return str(client.create_experiment(name))
        except MlflowException as error:
            experiment = client.get_experiment_by_name(name)  # another process may just have made it
            if experiment is None:
                raise TrackingError(f"experiment {name!r} cannot be made: {reason(error)}") from error
    if experiment.lifecycle_stage != "active":
        raise TrackingError(f"experiment {name!r} is deleted: restore it or set MLFLOW_EXPERIMENT_NAME to another")
    return str(experiment.experiment_id)
