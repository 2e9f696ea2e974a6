"""Keep artifacts in the service: nobody names another place for them, such as a folder of the server."""

import re
from urllib.parse import urlsplit

from msl.service.paths import PathError, plain_path

# One slash: `mlflow-artifacts://host/…` is the store of another server.
_SOURCE = re.compile(r"(mlflow-artifacts|runs|models):/[^/]")


def refuse_places() -> tuple[dict[str, str], int] | None:
    """Before MLflow's own handler: refuse an experiment or a model version whose artifacts are elsewhere.

    If an experiment were at /etc, its readers could read the server's files.
    """
    from flask import request

    for ending, fault in _FAULTS.items():
        if request.path.endswith(ending) and (message := fault()):
            return {"error_code": "INVALID_PARAMETER_VALUE", "message": message}, 400
    return None


def is_in_service(source: str) -> bool:
    """Whether a source names a run, a model or an artifact of this service, in its plain spelling."""
    if not _SOURCE.match(source):
        return False
    parts = urlsplit(source)
    try:
        plain_path(parts.path.encode())
    except PathError:
        return False
    return not (parts.query or parts.fragment)


def _location_fault() -> str | None:
    from mlflow.protos.service_pb2 import CreateExperiment
    from mlflow.server.handlers import _get_request_message

    if not _get_request_message(CreateExperiment()).artifact_location:
        return None
    return "artifact_location: the service decides where artifacts are stored; leave it out"


def _source_fault() -> str | None:
    from mlflow.protos.model_registry_pb2 import CreateModelVersion
    from mlflow.server.handlers import _get_request_message

    source = _get_request_message(CreateModelVersion()).source
    if not source or is_in_service(source):
        return None
    return "source: only runs:/…, models:/… and mlflow-artifacts:/… of this service can be registered"


_FAULTS = {"/mlflow/experiments/create": _location_fault, "/mlflow/model-versions/create": _source_fault}
