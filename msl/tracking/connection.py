"""The way to the tracking server."""

import os
import urllib.error
import urllib.request

import mlflow
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

from msl.errors import TrackingError

Client = MlflowClient  # the name under which the rest of msl passes it on

_PATIENCE = 10  # seconds; MLflow itself would try for four minutes


def connect() -> MlflowClient:
    """A client of the tracking store that MLflow's own settings name (MLFLOW_TRACKING_URI).

    Raises:
        TrackingError: it cannot be reached or opened.
    """
    uri = mlflow.get_tracking_uri()
    way_out = "Set MLFLOW_TRACKING_URI to a running server (`make serve` starts one) or to sqlite:///mlflow.db."
    if uri.startswith(("http://", "https://")):
        _knock(uri, way_out)
    elif uri.startswith("file:") or "://" not in uri:
        raise TrackingError(f"tracking URI {uri} is a file store, which MLflow has given up. {way_out}")
    try:
        client = MlflowClient()
        client.search_experiments(max_results=1)
    except (MlflowException, OSError) as error:
        raise TrackingError(f"tracking store {uri} cannot be used: {str(error).splitlines()[0]}. {way_out}") from error
    return client


def experiment_id(client: MlflowClient) -> str:
    """The experiment that MLflow's own settings name, made if need be; `mlflow run` sets its id."""
    given = os.environ.get("MLFLOW_EXPERIMENT_ID")
    if given:
        return given
    name = os.environ.get("MLFLOW_EXPERIMENT_NAME", "Default")
    experiment = client.get_experiment_by_name(name)
    if experiment is None:
        try:
            return str(client.create_experiment(name))
        except MlflowException as error:
            experiment = client.get_experiment_by_name(name)  # a process that began with this one was faster
            if experiment is None:
                raise TrackingError(f"experiment {name!r} cannot be made: {error}") from error
    if experiment.lifecycle_stage != "active":
        raise TrackingError(f"experiment {name!r} is deleted: restore it or set MLFLOW_EXPERIMENT_NAME to another")
    return str(experiment.experiment_id)


def _knock(uri: str, way_out: str) -> None:
    try:
        with urllib.request.urlopen(f"{uri.rstrip('/')}/health", timeout=_PATIENCE):
            pass
    except urllib.error.HTTPError:
        pass  # something answers; whether it lets us in, the first request will tell
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", error)
        raise TrackingError(f"tracking server {uri} cannot be reached: {reason}. {way_out}") from error
