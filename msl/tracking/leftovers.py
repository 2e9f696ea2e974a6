"""What a process that was killed leaves on this machine, and how it goes; what a resume needs stays."""

import fcntl
import logging
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

from msl import schema
from msl.files import temporary_files
from msl.tracking.holder import Holder
from msl.tracking.journal import Reader
from msl.tracking.lease import Lease
from msl.tracking.reaper import mark_dead

log = logging.getLogger("msl")

_NEEDED = (schema.LAST_CHECKPOINT, schema.REQUEST_FILE)
_DOWNLOADS = ("start", "resume")  # folders of copies of what is on the server


def clear(client: MlflowClient, folder: Path) -> str:
    """Clear the folder of a run that no process here trains, and mark the run FAILED if it ended without a word.

    A folder without a journal or a checkpoint goes; a resume needs nothing of it. One of a run that has finished on
    another machine goes, too.

    Returns:
        What was done, in words; empty if nothing was.

    Raises:
        MlflowException: the server cannot be asked.
    """
    with _lock(folder / "lock") as is_free:
        if not is_free:
            return ""
        run_id, has_journal = folder.name, (folder / schema.JOURNAL_FOLDER).is_dir()
        dead = "" if has_journal or not _ended_unsaid(client, run_id) else "marked FAILED: its process is gone"
        if not has_journal and not any((folder / name).exists() for name in _NEEDED):
            shutil.rmtree(folder, ignore_errors=True)
            return "; ".join(filter(None, [dead, "its folder here, which held nothing of value, is removed"]))
        for name in _DOWNLOADS:
            shutil.rmtree(folder / name, ignore_errors=True)
        for file in temporary_files(folder):
            file.unlink(missing_ok=True)
        return dead


def _ended_unsaid(client: MlflowClient, run_id: str) -> bool:
    """Mark a run whose process on this machine ended before its journal began; says whether it did."""
    try:
        run = client.get_run(run_id)
    except MlflowException:
        return False  # of another store
    lease = Lease.of(run)
    is_gone = lease is not None and lease.holder.is_gone
    return run.info.status == schema.RUNNING and is_gone and mark_dead(client, run)


def forget_if_continued_elsewhere(client: MlflowClient, run_id: str, folder: Path) -> None:
    """Remove the journal and the checkpoints of a run that another machine has continued since.

    That machine trained the same steps again; this journal would put their rows there twice.
    """
    journal, lease = folder / schema.JOURNAL_FOLDER, Lease.of(client.get_run(run_id))
    if lease is None or lease.holder.is_on_this_machine or not journal.is_dir():
        return
    holders = [record.content.get("holder") for record in Reader(journal).new() if record.content["kind"] == "start"]
    if holders and Holder.read(holders[-1]) not in (None, lease.holder):
        log.info("run %s was continued by %s; what is older than that in %s goes", run_id, lease.holder, folder)
        shutil.rmtree(journal)
        for file in folder.glob("*.pt"):
            file.unlink()


@contextmanager
def _lock(path: Path) -> Iterator[bool]:
    with path.open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
