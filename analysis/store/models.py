"""The MLflow models of an experiment, with their files and registered versions, from one store to another.

models/models.json                  of each model what MLflow knows of it, and its registered versions
models/MODEL_ID/                    its files
"""

import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from analysis.store.ids import NewIds
from msl import schema

if TYPE_CHECKING:  # importing MLflow takes seconds, and reading stores does not need it
    from mlflow.entities import LoggedModel
    from mlflow.entities.model_registry import ModelVersion
    from mlflow.tracking import MlflowClient

FOLDER = "models"
_VARIABLE = "MLFLOW_TRACKING_URI"
_ABOUT = "models.json"
_DESCRIPTION = "MLmodel"  # the file in which MLflow repeats IDs

Model = dict[str, Any]


def export_models(client: "MlflowClient", uri: str, experiment: str, run_ids: list[str], folder: Path) -> None:
    """Write the models that these runs logged into a new folder; none if there are none."""
    from mlflow.artifacts import download_artifacts

    entry = client.get_experiment_by_name(experiment)
    logged = [] if entry is None else _logged(client, entry.experiment_id)
    models = [model for model in logged if model.source_run_id in run_ids]
    for model in models:
        (folder / model.model_id).mkdir(parents=True)
        with _current_store(uri):
            download_artifacts(artifact_uri=f"models:/{model.model_id}", dst_path=str(folder / model.model_id))
    if models:
        about = [_described(client, model) for model in models]
        (folder / _ABOUT).write_text(json.dumps(about, indent=1), encoding="utf-8")


def exported_models(folder: Path) -> list[Model]:
    """What `export_models` wrote of each model; none if it wrote nothing."""
    path = folder / FOLDER / _ABOUT
    models: list[Model] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else []
    return models


def create_models(
    client: "MlflowClient", models: list[Model], experiment_id: str, runs: dict[str, str]
) -> dict[str, str]:
    """Create those models that an earlier import has not created; the new ID of each by the old one."""
    new = {model.tags[schema.IMPORTED]: model.model_id for model in _logged(client, experiment_id) if _is_import(model)}
    for model in models:
        if model["model_id"] not in new:
            created = client.create_logged_model(
                experiment_id,
                model["name"],
                runs[model["source_run_id"]],
                {schema.IMPORTED: model["model_id"]},
                model["params"],
                model["model_type"],
            )
            new[model["model_id"]] = created.model_id
    return {model["model_id"]: new[model["model_id"]] for model in models}


def register_versions(
    client: "MlflowClient", models: list[Model], new: dict[str, str], runs: dict[str, str]
) -> dict[str, str]:
    """Register the versions that the models had, with their aliases; the new URI of each version by the old one."""
    uris = {}
    for model in models:
        model_id, run_id = new[model["model_id"]], runs[model["source_run_id"]]
        for version in model["versions"]:
            registered = _registered(client, version, model_id, run_id)
            for alias in version["aliases"]:
                client.set_registered_model_alias(version["name"], alias, registered)
            uris[_uri(version["name"], version["version"])] = _uri(version["name"], registered)
    return uris


def complete_model(client: "MlflowClient", model: Model, model_id: str, folder: Path, ids: NewIds) -> None:
    """Log a model's files, tags and place among the outputs of its run, and mark it as it was."""
    from mlflow.entities import LoggedModelOutput

    if client.get_logged_model(model_id).tags.get(schema.IMPORT_COMPLETE):
        return
    files = folder / FOLDER / model["model_id"]
    client.log_model_artifacts(model_id, str(files))
    if (files / _DESCRIPTION).exists():
        with tempfile.TemporaryDirectory() as temporary:
            copy = Path(temporary) / _DESCRIPTION
            copy.write_text(ids.rewritten((files / _DESCRIPTION).read_text(encoding="utf-8")), encoding="utf-8")
            client.log_model_artifact(model_id, str(copy))
    tags = {name: ids.rewritten(value) for name, value in model["tags"].items() if not _of_import(name)}
    client.log_outputs(ids.rewritten(model["source_run_id"]), [LoggedModelOutput(model_id, model["step"])])
    client.finalize_logged_model(model_id, model["status"])
    client.set_logged_model_tags(model_id, tags | {schema.IMPORT_COMPLETE: "true"})


def _described(client: "MlflowClient", model: "LoggedModel") -> Model:
    outputs = client.get_run(str(model.source_run_id)).outputs
    steps = {output.model_id: output.step for output in (outputs.model_outputs if outputs else ())}
    versions = client.search_model_versions(f"run_id = '{model.source_run_id}'")
    return {
        "model_id": model.model_id,
        "name": model.name,
        "source_run_id": model.source_run_id,
        "model_type": model.model_type,
        "status": "FAILED" if str(model.status) == "FAILED" else "READY",
        "step": steps.get(model.model_id, 0),
        "tags": dict(model.tags),
        "params": dict(model.params),
        "versions": [_version(client, version) for version in versions if _is_of(version, model.model_id)],
    }


def _version(client: "MlflowClient", version: "ModelVersion") -> dict[str, Any]:
    aliases = client.get_model_version(version.name, version.version).aliases  # a search does not tell them
    return {
        "name": version.name,
        "version": str(version.version),
        "aliases": list(aliases),
        "description": version.description,
        "tags": dict(version.tags),
    }


def _registered(client: "MlflowClient", version: dict[str, Any], model_id: str, run_id: str) -> str:
    """The version of a model in its new store."""
    if not client.search_registered_models(f"name = '{version['name']}'"):
        client.create_registered_model(version["name"])
    for other in client.search_model_versions(f"name = '{version['name']}'"):
        if _is_of(other, model_id):
            return str(other.version)
    with _current_store(client.tracking_uri):  # where MLflow looks for models:/ID, whatever the client's store
        created = client.create_model_version(
            version["name"],
            f"models:/{model_id}",
            run_id,
            version["tags"],
            description=version["description"],
            model_id=model_id,
        )
    return str(created.version)


@contextmanager
def _current_store(uri: str) -> Iterator[None]:
    """Within this block, MLflow's functions use this store."""
    import mlflow

    before = os.environ.get(_VARIABLE)  # which `set_tracking_uri` sets and unsets
    mlflow.set_tracking_uri(uri)
    try:
        yield
    finally:
        mlflow.set_tracking_uri(None)  # type: ignore[arg-type]  # undoes it
        if before is not None:
            os.environ[_VARIABLE] = before


def _logged(client: "MlflowClient", experiment_id: str) -> "list[LoggedModel]":
    models: list[LoggedModel] = []
    token = None
    while True:
        page = client.search_logged_models([experiment_id], page_token=token)
        models += page
        token = page.token
        if not token:
            return models


def _is_of(version: "ModelVersion", model_id: str) -> bool:
    return model_id in (version.model_id, str(version.source).removeprefix("models:/"))


def _is_import(model: "LoggedModel") -> bool:
    return schema.IMPORTED in model.tags


def _of_import(tag: str) -> bool:
    return tag in (schema.IMPORTED, schema.IMPORT_COMPLETE)


def _uri(name: str, version: str) -> str:
    return f"models:/{name}/{version}"
