"""From a reference to a file of weights on this machine: the same references in every command."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import mlflow.artifacts

from msl import schema
from msl.console import reason
from msl.errors import CheckpointError
from msl.references import FORMS, NETWORK_FILE, file_in, is_stored, local_file
from msl.tracking.artifacts import download
from msl.tracking.connection import Client, connect, missing_store
from msl.tracking.lookup import check_model, find_file, find_run
from msl.tracking.offline import OfflineStore, sent_run

BEST_FIRST = (schema.BEST_CHECKPOINT, schema.LAST_CHECKPOINT)  # for using a network
LAST_FIRST = (schema.LAST_CHECKPOINT, schema.BEST_CHECKPOINT)  # for training: target labels chose the best one


@dataclass(frozen=True)
class WeightsFile:
    """A file of weights on this machine, and where it comes from."""

    path: Path
    reference: str  # a path, runs:/ID/checkpoints/… or models:/…
    run_id: str | None  # of the run that made it, if the reference names one


def find_weights(
    client: Client | None,
    reference: str,
    folder: Path,
    *,
    root: Path | None = None,
    checkpoints: Sequence[str] = BEST_FIRST,
    setting: str = "checkpoint",
) -> WeightsFile:
    """The file that a reference names, downloaded if necessary.

    Args:
        client: of the tracking store; None = connected to if the reference needs one.
        reference: a path or one of `FORMS`; a path is relative to this folder or to `root`.
        folder: for the file, if it is downloaded.
        root: folder of data sets.
        checkpoints: which checkpoint of a run ``runs:/ID`` stands for: the first of these that the run has.
        setting: that has this value, for messages.

    Raises:
        CheckpointError: there is no such file, run or model; the message says what can be named.
    """
    if not is_stored(reference):
        return WeightsFile(local_file(setting, reference, root), reference, None)
    value, used_client = f"{setting} = {reference}", client or connect()
    run_id, path = _look_up(used_client, reference, checkpoints, value)
    if run_id is None:
        return WeightsFile(_model_file(reference, folder, value), reference, None)
    return WeightsFile(_run_file(run_id, path, folder, value), f"runs:/{run_id}/{path}", run_id)


def check_reference(reference: str, setting: str) -> None:
    """Look a reference to a run or a registered model up; nothing is downloaded.

    Raises:
        CheckpointError: there is no such run or model, or it has no such file; the message names what there is.
        TrackingError: the tracking store cannot be reached.
    """
    value = f"{setting} = {reference}"
    _look_up(_existing_store(value), reference, BEST_FIRST, value)


def check_run(run_id: str, setting: str) -> None:
    """Look a run up by its ID, also by the one that it had or has without a server.

    Raises:
        CheckpointError: there is no such run; the message names the nearest.
        TrackingError: the tracking store cannot be reached.
    """
    if OfflineStore().find(run_id) is not None:
        return
    value = f"{setting} = {run_id}"
    client = _existing_store(value)
    try:
        find_run(client, run_id, value)
    except CheckpointError:
        if sent_run(client, run_id) is None:
            raise


def _existing_store(value: str) -> Client:
    """A client of the store; one that does not exist is not made."""
    if (file := missing_store()) is not None:
        raise CheckpointError(
            f"{value}: there is no run store {file}. Give the command in the folder in which the run was made, or set "
            "MLFLOW_TRACKING_URI to the store that has it."
        )
    return connect()


def _look_up(client: Client, reference: str, checkpoints: Sequence[str], value: str) -> tuple[str | None, str]:
    """ID of the run and path of its file; for a registered model, no ID."""
    if reference.startswith("models:/"):
        check_model(client, reference, value)
        return None, ""
    run_id, _, path = reference.removeprefix("runs:/").strip("/").partition("/")
    if not run_id.isidentifier() and not run_id.isalnum():
        raise CheckpointError(f"{value}: this is no run. Pass a path or {FORMS}.")
    return run_id, find_file(client, find_run(client, run_id, value), path, checkpoints, value)


def _run_file(run_id: str, path: str, folder: Path, value: str) -> Path:
    file = download(run_id, path, folder)
    return file_in(file, value) if file.is_dir() else file


def _model_file(reference: str, folder: Path, value: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    uri = f"{reference.rstrip('/')}/artifacts/{NETWORK_FILE}"
    try:
        return Path(mlflow.artifacts.download_artifacts(artifact_uri=uri, dst_path=str(folder)))
    except Exception as error:  # each artifact store raises its own kind
        raise CheckpointError(
            f"{value}: no such model of msl: {reason(error)}. "
            "Pass models:/NAME@ALIAS or models:/NAME/VERSION; -e package makes such a model."
        ) from error
