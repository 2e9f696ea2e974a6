"""Uploads of checkpoints that at no moment leave the server without a whole one."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from mlflow.exceptions import MlflowException
from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository
from mlflow.tracking import MlflowClient

from msl import schema


def publish(client: MlflowClient, run_id: str, path: Path) -> None:
    """Upload the last checkpoint under another name first, and under its own when the first upload is whole.

    If the process or the server ends between the two, a resume on another machine finds the other file.

    Raises:
        MlflowException, OSError: the server or its artifact store does not take it.
    """
    with _second_name(path) as incoming:
        client.log_artifact(run_id, str(incoming), schema.CHECKPOINT_FOLDER)
        _require_whole(client, run_id, incoming)
        client.log_artifact(run_id, str(path), schema.CHECKPOINT_FOLDER)
    with suppress(MlflowException, OSError, NotImplementedError):  # a store that deletes nothing keeps both
        repository = get_artifact_repository(client.get_run(run_id).info.artifact_uri)
        repository.delete_artifacts(f"{schema.CHECKPOINT_FOLDER}/{schema.INCOMING_CHECKPOINT}")


@contextmanager
def _second_name(path: Path) -> Iterator[Path]:
    other = path.with_name(schema.INCOMING_CHECKPOINT)
    try:
        with suppress(OSError):
            os.link(path, other)
        if not other.exists():
            shutil.copyfile(path, other)
        yield other
    finally:
        other.unlink(missing_ok=True)


def _require_whole(client: MlflowClient, run_id: str, path: Path) -> None:
    sizes = {Path(file.path).name: file.file_size for file in client.list_artifacts(run_id, schema.CHECKPOINT_FOLDER)}
    size = sizes.get(path.name, 0)
    if size is not None and size != path.stat().st_size:  # some stores tell no sizes
        raise OSError(f"the upload of {path.name} has {size} bytes, not {path.stat().st_size}")
