"""Where a network comes from: a file, a run's checkpoint, or a registered model."""

from dataclasses import dataclass
from pathlib import Path

import mlflow.artifacts
from mlflow.exceptions import MlflowException

from msl import schema
from msl.checkpoints import Checkpoint, read
from msl.errors import CheckpointError
from msl.tracking import Client, find_checkpoint

NETWORK_FILE = "network.pt"  # of an MLflow model, below its artifacts


@dataclass(frozen=True)
class Origin:
    """A network's file on this machine."""

    path: Path
    reference: str  # a path, runs:/ID/checkpoints/… or models:/…
    run_id: str | None  # of the run that trained it, if the reference names one
    checkpoint: Checkpoint

    @property
    def parent(self) -> str:
        """Value of the tag msl.parent."""
        return self.run_id or self.reference


def find_network(client: Client, reference: str, folder: Path) -> Origin:
    """A network by its reference.

    Args:
        client: of the tracking store.
        reference: a file, runs:/ID/checkpoints/last.pt, runs:/ID for the run's best checkpoint (its last checkpoint if
            nothing was scored), or models:/NAME@ALIAS.
        folder: for the file, if it is downloaded.

    Raises:
        CheckpointError: there is no such file, run or model, or it holds no network of msl.
    """
    if reference.startswith("models:/"):
        path = _model_file(reference, folder)
        return Origin(path, reference, None, read(path))
    run_id = reference.removeprefix("runs:/").rstrip("/")
    if reference.startswith("runs:/") and "/" not in run_id:
        reference = f"runs:/{run_id}/{schema.CHECKPOINT_FOLDER}/{_best_of(client, run_id)}"
    path, parent_run = find_checkpoint(reference, folder)
    return Origin(path, reference, parent_run, read(path))


def _best_of(client: Client, run_id: str) -> str:
    try:
        files = client.list_artifacts(run_id, schema.CHECKPOINT_FOLDER)
    except (MlflowException, OSError) as error:
        raise CheckpointError(f"checkpoint = runs:/{run_id}: {str(error).splitlines()[0]}") from error
    names = {Path(file.path).name for file in files}
    for name in (schema.BEST_CHECKPOINT, schema.LAST_CHECKPOINT):
        if name in names:
            return name
    raise CheckpointError(f"checkpoint = runs:/{run_id}: that run has no checkpoint; name another run or a file")


def _model_file(reference: str, folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    uri = f"{reference.rstrip('/')}/artifacts/{NETWORK_FILE}"
    try:
        return Path(mlflow.artifacts.download_artifacts(artifact_uri=uri, dst_path=str(folder)))
    except (MlflowException, OSError) as error:
        raise CheckpointError(
            f"checkpoint = {reference}: no such model of msl: {str(error).splitlines()[0]}. "
            "Pass models:/NAME@ALIAS or models:/NAME/VERSION; -e package makes such a model."
        ) from error
