"""References to runs and registered models, looked up in the store before anything is downloaded or a run is opened."""

import difflib
from collections.abc import Sequence
from pathlib import PurePosixPath

from mlflow.entities import Run
from mlflow.exceptions import MlflowException

from msl import schema
from msl.console import reason
from msl.errors import CheckpointError
from msl.tracking.connection import Client
from msl.tracking.search import search_runs

_LISTED = 5  # names in a message
_RUNS_READ = 1000  # the newest of the store, in which a mistyped ID is looked for
_SHORTEST_PART = 4  # characters of an ID
_LOGGED = "m-"  # the ID of a logged model begins so


def find_run(client: Client, run_id: str, value: str) -> Run:
    """A run by its ID.

    Args:
        client: of the tracking store.
        run_id: the whole ID.
        value: the setting and its value, for messages.

    Raises:
        CheckpointError: there is no such run, or it is deleted; the message names the nearest runs.
    """
    try:
        run = client.get_run(run_id)
    except MlflowException as error:
        if error.get_http_status_code() not in (400, 404):
            raise CheckpointError(f"{value}: {reason(error)}") from error
        raise CheckpointError(
            f"{value}: run {run_id} cannot be found in the run store. {_near(client, run_id)}"
        ) from error
    if run.info.lifecycle_stage != "active":
        raise CheckpointError(f"{value}: that run is deleted. `mlflow runs restore --run-id {run_id}` restores it.")
    return run


def find_file(client: Client, run: Run, path: str, checkpoints: Sequence[str], value: str) -> str:
    """Path of a run's file; without a path that of a checkpoint.

    Args:
        client: of the tracking store.
        run: the run.
        path: of the file among the run's artifacts; the folder of checkpoints, or "", for the first of `checkpoints`.
        checkpoints: names of checkpoints.
        value: the setting and its value, for messages.

    Raises:
        CheckpointError: the run has no such file; the message names those that it has.
    """
    stored = _files(client, run.info.run_id, schema.CHECKPOINT_FOLDER, value)
    if path in ("", schema.CHECKPOINT_FOLDER):
        usable = [f"{schema.CHECKPOINT_FOLDER}/{name}" for name in checkpoints]
        if (first := next((name for name in usable if name in stored), None)) is not None:
            return first
    elif path in stored or path in _files(client, run.info.run_id, str(PurePosixPath(path).parent), value):
        return path
    raise CheckpointError(f"{value}: {_no_file(run, path, stored)}")


def check_model(client: Client, reference: str, value: str) -> None:
    """Check that a registered model has this version or alias.

    Raises:
        CheckpointError: it has not, or there is no such model; the message names what there is.
    """
    name, _, version = reference.removeprefix("models:/").strip("/").replace("@", "/@", 1).partition("/")
    if name.startswith(_LOGGED) and not version:
        return
    try:
        if name not in (names := [model.name for model in client.search_registered_models()]):
            raise CheckpointError(f"{value}: no such model of msl: {_no_model(name, names)} {_MADE}")
        aliases = client.get_registered_model(name).aliases
        versions = [str(model.version) for model in client.search_model_versions(f'name = "{name}"')]
    except (MlflowException, OSError) as error:
        raise CheckpointError(f"{value}: {reason(error)}") from error
    if version not in ("latest", *versions, *(f"@{alias}" for alias in aliases)):
        known = [
            *(f"models:/{name}@{alias}" for alias in aliases),
            *(f"models:/{name}/{number}" for number in versions),
        ]
        raise CheckpointError(f"{value}: no such model of msl: {_no_version(name, version)} {_known(known)} {_MADE}")


_MADE = "Pass models:/NAME@ALIAS or models:/NAME/VERSION; -e package makes such a model."


def _near(client: Client, run_id: str) -> str:
    """The runs that may be meant: those whose ID has this part, or is nearly the same, else the newest with weights."""
    by_id = {str(run.info.run_id): run for run in search_runs(client, most=_RUNS_READ)}
    near = [key for key in by_id if len(run_id) >= _SHORTEST_PART and run_id in key]
    near = near or difflib.get_close_matches(run_id, by_id, n=_LISTED, cutoff=0.8)
    if near:
        return f"Did you mean {_listed(near, by_id)}?"
    trained = [key for key, run in by_id.items() if run.data.tags.get(schema.FINGERPRINT)]
    if trained:
        return f"The newest runs with checkpoints are {_listed(trained, by_id)}; `msl runs` lists all."
    return "No run in it has a checkpoint. Set MLFLOW_TRACKING_URI to the store that has the run; else it is mlflow.db."


def _listed(run_ids: Sequence[str], runs: dict[str, Run]) -> str:
    texts = [f"runs:/{run_id} ({runs[run_id].data.tags.get(schema.GROUP, 'no run of msl')})" for run_id in run_ids]
    return ", ".join(texts[:_LISTED])


def _files(client: Client, run_id: str, folder: str, value: str) -> list[str]:
    try:
        return [str(file.path) for file in client.list_artifacts(run_id, "" if folder == "." else folder)]
    except Exception as error:  # each artifact store raises its own kind
        raise CheckpointError(f"{value}: {reason(error)}") from error


def _no_file(run: Run, path: str, stored: Sequence[str]) -> str:
    if not stored:
        about = ", ".join(filter(None, [run.data.tags.get(schema.STAGE), run.info.status]))
        return f"that run has no checkpoint ({about}); name another run or a file"
    nearest = difflib.get_close_matches(path, stored, n=1)
    hint = f"Did you mean {nearest[0]}? " if nearest else ""
    return f"that run has no file {path}. {hint}Its checkpoints are {', '.join(stored)}."


def _no_model(name: str, names: Sequence[str]) -> str:
    if not names:
        return f"no model is registered, {name} neither."
    nearest = difflib.get_close_matches(name, names, n=3)
    hint = f"Did you mean {' or '.join(nearest)}?" if nearest else f"Registered are {', '.join(names[:_LISTED])}."
    return f"no model is called {name}. {hint}"


def _no_version(name: str, version: str) -> str:
    if not version:
        return f"name a version or an alias of {name}."
    return f"{name} has no alias {version[1:]}." if version.startswith("@") else f"{name} has no version {version}."


def _known(references: Sequence[str]) -> str:
    return f"It has {', '.join(references[:_LISTED])}." if references else "It has no version."
