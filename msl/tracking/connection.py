"""The way to the tracking server."""

import os
import urllib.error
import urllib.request
from pathlib import Path

import mlflow
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient
from sqlalchemy.exc import SQLAlchemyError

from msl.errors import TrackingError
from msl.tracking.store_lock import opening

Client = MlflowClient  # the name by which the rest of msl uses it

_SQLITE = "sqlite:///"
_TIMEOUT_S = 10  # MLflow itself would try for four minutes


def connect() -> MlflowClient:
    """A client of the tracking store that MLflow's own settings name (MLFLOW_TRACKING_URI); an empty one gets tables.

    Raises:
        TrackingError: it cannot be reached or opened.
    """
    uri = mlflow.get_tracking_uri()
    way_out = "Set MLFLOW_TRACKING_URI to a running server (`make serve` starts one) or to sqlite:///mlflow.db."
    if uri.startswith(("http://", "https://")):
        _require_answer(uri, way_out)
    elif uri.startswith("file:") or "://" not in uri:
        raise TrackingError(f"tracking URI {uri} is a file store, which MLflow no longer supports. {way_out}")
    try:
        with opening(uri):
            client = MlflowClient()
            client.search_experiments(max_results=1)
    except (MlflowException, SQLAlchemyError, OSError) as error:
        raise TrackingError(f"tracking store {uri} cannot be used: {str(error).splitlines()[0]}. {way_out}") from error
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
        return chosen_id
    return experiment_named(client, os.environ.get("MLFLOW_EXPERIMENT_NAME", "Default"))


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
                raise TrackingError(f"experiment {name!r} cannot be made: {error}") from error
    if experiment.lifecycle_stage != "active":
        raise TrackingError(f"experiment {name!r} is deleted: restore it or set MLFLOW_EXPERIMENT_NAME to another")
    return str(experiment.experiment_id)


def _require_answer(uri: str, way_out: str) -> None:
    try:
        with urllib.request.urlopen(f"{uri.rstrip('/')}/health", timeout=_TIMEOUT_S):
            pass
    except urllib.error.HTTPError:
        pass  # a server answers; the first request will show whether the log-in is accepted
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", error)
        raise TrackingError(f"tracking server {uri} cannot be reached: {reason}. {way_out}") from error
