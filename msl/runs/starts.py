"""Results of other stages, downloaded if necessary."""

from pathlib import Path

from msl import schema
from msl.stages.stage import Start
from msl.tracking import LAST_FIRST, Client, find_weights, sha256_of


def fetch(client: Client, setting: str, reference: str, root: Path | None, folder: Path) -> Start:
    """The file of a result.

    Args:
        client: of the tracking store.
        setting: that names the result, for messages.
        reference: as in `msl.tracking.find_weights`. ``runs:/ID`` is the run's last checkpoint, not its best one: to
            choose the best, the target's labels were used.
        root: folder of data sets.
        folder: for the file, if it is downloaded.

    Raises:
        CheckpointError: there is no such file, run or artifact.
    """
    file = find_weights(client, reference, folder, root=root, checkpoints=LAST_FIRST, setting=setting)
    digest = _digest(client, file.reference, file.path, file.run_id)
    return Start(reference=file.reference, path=file.path, run_id=file.run_id, digest=digest)


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
