"""From a reference to a file of weights on this machine: the same references in every command."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import mlflow.artifacts
from mlflow.exceptions import MlflowException

from msl import schema
from msl.errors import CheckpointError
from msl.tracking.artifacts import download
from msl.tracking.connection import Client, connect

NETWORK_FILE = "network.pt"  # of a packaged network, below the artifacts of its MLflow model
FORMS = "a file, runs:/RUN_ID, runs:/RUN_ID/checkpoints/last.pt, models:/NAME@ALIAS or models:/NAME/VERSION"
BEST_FIRST = (schema.BEST_CHECKPOINT, schema.LAST_CHECKPOINT)  # for using a network
LAST_FIRST = (schema.LAST_CHECKPOINT, schema.BEST_CHECKPOINT)  # for training: target labels chose the best one

_RUN_ID = re.compile(r"[0-9a-f]{32}")
_OTHER_SCHEME = re.compile(r"[a-z][\w+.-]+:/")  # a letter before the colon alone is a drive of Windows


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
        reference: one of `FORMS`; a path is relative to this folder or to `root`.
        folder: for the file, if it is downloaded.
        root: folder of data sets.
        checkpoints: which checkpoint of a run ``runs:/ID`` stands for: the first of these that the run has.
        setting: that has this value, for messages.

    Raises:
        CheckpointError: there is no such file, run or model; the message says what can be named.
    """
    value = f"{setting} = {reference}"
    if reference.startswith("models:/"):
        return WeightsFile(_model_file(reference, folder, value), reference, None)
    if not reference.startswith("runs:/"):
        return WeightsFile(_local_file(reference, root, value), reference, None)
    run_id, _, path = reference.removeprefix("runs:/").strip("/").partition("/")
    if not re.fullmatch(r"\w+", run_id):
        raise CheckpointError(f"{value}: this is no run. Pass {FORMS}.")
    if not path or path == schema.CHECKPOINT_FOLDER:
        path = f"{schema.CHECKPOINT_FOLDER}/{_checkpoint_of(client or connect(), run_id, checkpoints, value)}"
    return WeightsFile(_run_file(run_id, path, folder, value), f"runs:/{run_id}/{path}", run_id)


def _local_file(reference: str, root: Path | None, value: str) -> Path:
    places = [Path(reference), *([root / reference] if root is not None else [])]
    for place in places:
        if place.is_file():
            return place
        if place.is_dir():
            return _only_file(place, value)
    if _RUN_ID.fullmatch(reference):
        raise CheckpointError(f"{value}: no such file. If this is the ID of a run, pass runs:/{reference}.")
    if _OTHER_SCHEME.match(reference):
        raise CheckpointError(f"{value}: no such file. If this is an address, download the file. Pass {FORMS}.")
    raise CheckpointError(f"{value}: no such file. Pass a path or {FORMS.removeprefix('a file, ')}.")


def _only_file(folder: Path, value: str) -> Path:
    """The network of a downloaded MLflow model; every other folder is refused."""
    network = folder / "artifacts" / NETWORK_FILE
    if network.is_file():
        return network
    files = sorted(str(path) for path in folder.glob("**/*") if path.suffix in (".pt", ".pth"))
    named = f" It holds {', '.join(files[:3])}." if files else ""
    raise CheckpointError(f"{value}: this is a folder. Name the file of weights in it.{named}")


def _checkpoint_of(client: Client, run_id: str, names: Sequence[str], value: str) -> str:
    try:
        files = client.list_artifacts(run_id, schema.CHECKPOINT_FOLDER)
    except (MlflowException, OSError) as error:
        raise CheckpointError(f"{value}: {str(error).splitlines()[0]}") from error
    stored = {Path(file.path).name for file in files}
    for name in names:
        if name in stored:
            return name
    raise CheckpointError(f"{value}: that run has no checkpoint; name another run or a file")


def _run_file(run_id: str, path: str, folder: Path, value: str) -> Path:
    file = download(run_id, path, folder)
    return _only_file(file, value) if file.is_dir() else file


def _model_file(reference: str, folder: Path, value: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    uri = f"{reference.rstrip('/')}/artifacts/{NETWORK_FILE}"
    try:
        return Path(mlflow.artifacts.download_artifacts(artifact_uri=uri, dst_path=str(folder)))
    except (MlflowException, OSError) as error:
        raise CheckpointError(
            f"{value}: no such model of msl: {str(error).splitlines()[0]}. "
            "Pass models:/NAME@ALIAS or models:/NAME/VERSION; -e package makes such a model."
        ) from error
