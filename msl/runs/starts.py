"""Results of other stages, downloaded if necessary."""

from pathlib import Path

from msl import schema
from msl.seals import is_sealed
from msl.stages.stage import Outcome, Start
from msl.tracking import LAST_FIRST, Client, find_weights, remove_sent, sha256_of, work_folder


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


def take_here(outcome: Outcome, folder: Path) -> Start | None:
    """The result of a run that has just finished on this machine, whose folder is no longer needed then.

    None if it is not here, or damaged.

    Args:
        outcome: of the run.
        folder: for the file.
    """
    run_folder = work_folder() / outcome.run_id
    if not is_sealed(run_folder / schema.LAST_CHECKPOINT):
        return None
    folder.mkdir(parents=True, exist_ok=True)
    copy = (run_folder / schema.LAST_CHECKPOINT).replace(folder / schema.LAST_CHECKPOINT)
    remove_sent(run_folder)
    digest = outcome.fingerprint or sha256_of(copy)
    return Start(reference=outcome.result, path=copy, run_id=outcome.run_id, digest=digest)


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
