"""Results of other stages, downloaded if necessary."""

from pathlib import Path

from msl import schema
from msl.inputs.places import weights_file
from msl.stages.stage import Start
from msl.tracking import Client, find_checkpoint, sha256_of


def fetch(client: Client, reference: str, root: Path | None, folder: Path) -> Start:
    """The file of a result.

    Args:
        client: of the tracking store.
        reference: a path, here or below the folder of data sets, or ``runs:/ID/checkpoints/last.pt``.
        root: folder of data sets.
        folder: for the file, if it is downloaded.

    Raises:
        CheckpointError: there is no such file, run or artifact.
    """
    path, run_id = find_checkpoint(weights_file(reference, root), folder)
    return Start(reference=reference, path=path, run_id=run_id, digest=_digest(client, reference, path, run_id))


def last_checkpoint_of(run_id: str) -> str:
    """Reference of a run's last checkpoint."""
    return f"runs:/{run_id}/{schema.CHECKPOINT_FOLDER}/{schema.LAST_CHECKPOINT}"


def _digest(client: Client, reference: str, path: Path, run_id: str | None) -> str:
    """The fingerprint of the run if the file is its last checkpoint and it has finished; else the file's digest."""
    if run_id is not None and reference == last_checkpoint_of(run_id):
        run = client.get_run(run_id)
        fingerprint = run.data.tags.get(schema.FINGERPRINT)
        if run.info.status == "FINISHED" and fingerprint:
            return str(fingerprint)
    return sha256_of(path)
