"""The files of earlier runs."""

import json
from hashlib import file_digest
from pathlib import Path

import mlflow.artifacts
from mlflow.tracking import MlflowClient

from msl import schema
from msl.console import reason
from msl.errors import CheckpointError, TrackingError
from msl.tracking.record import RunRecord


def download(run_id: str, path: str, folder: Path) -> Path:
    """An artifact as a local file.

    Raises:
        CheckpointError: the run has no such artifact.
    """
    folder.mkdir(parents=True, exist_ok=True)
    try:
        return Path(mlflow.artifacts.download_artifacts(run_id=run_id, artifact_path=path, dst_path=str(folder)))
    except Exception as error:  # each artifact store raises its own kind
        raise CheckpointError(f"artifact {path} of run {run_id} cannot be downloaded: {reason(error)}") from error


def read_record(client: MlflowClient, run_id: str) -> RunRecord:
    """The content of a run's ``config.json``.

    Raises:
        TrackingError: there is no such run, or msl did not start it.
    """
    try:
        client.get_run(run_id)
        return RunRecord.from_json(json.loads(mlflow.artifacts.load_text(f"runs:/{run_id}/{schema.CONFIG_FILE}")))
    except Exception as error:  # each artifact store raises its own kind
        raise TrackingError(f"run {run_id} cannot be read back: {reason(error)}") from error


def sha256_of(path: Path) -> str:
    """Digest of a file's content (64 hex digits)."""
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()
