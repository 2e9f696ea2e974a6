"""What a process that was killed leaves on this machine, and how it goes; what a resume needs stays."""

import logging
import shutil
from pathlib import Path

from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

from msl import schema
from msl.files import temporary_files
from msl.tracking.holder import Holder
from msl.tracking.journal import Reader
from msl.tracking.lease import Lease
from msl.tracking.progress import forget_progress
from msl.tracking.reaper import mark_gone
from msl.tracking.run_folder import DOWNLOAD_FOLDERS, held
from msl.tracking.send import SENDER_LOCK
from msl.tracking.status import mark_failed

log = logging.getLogger("msl")

_NEEDED = (schema.LAST_CHECKPOINT, schema.REQUEST_FILE)


def clear(client: MlflowClient, folder: Path) -> str:
    """Clear the folder of a run that no process here trains, and mark the run FAILED if it ended before its journal.

    A folder without a journal, a checkpoint or a request goes: a resume needs nothing of it.

    Args:
        client: of the store that has the run.
        folder: of the run.

    Returns:
        What was done, in words; empty if nothing was.
    """
    with held(folder) as is_ours:
        if not is_ours:
            return ""
        has_journal = _has_content(folder / schema.JOURNAL_FOLDER)
        told = "" if has_journal else _mark(client, folder)
        if not has_journal and not any((folder / name).exists() for name in _NEEDED):
            shutil.rmtree(folder, ignore_errors=True)
            return "; ".join(filter(None, [told, "its folder here, which held nothing of value, is removed"]))
        for name in DOWNLOAD_FOLDERS:
            shutil.rmtree(folder / name, ignore_errors=True)
        for file in temporary_files(folder):
            if folder / schema.JOURNAL_FOLDER not in file.parents:  # its sender may be at work
                file.unlink(missing_ok=True)
        return told


def _has_content(journal: Path) -> bool:
    """Whether there is more than the lock, which a `sync` may have made again while the journal was removed."""
    return any(file.name != SENDER_LOCK for file in (journal.iterdir() if journal.is_dir() else ()))


def _mark(client: MlflowClient, folder: Path) -> str:
    """Mark a run whose process ended before its journal began; gives what to tell."""
    run_id = folder.name
    try:
        if (folder / schema.REQUEST_FILE).is_file():
            reason = f"the process ended before its training began. The run can begin again: -P resume={run_id}"
            is_marked = mark_failed(client, run_id, reason)
            return "it ended before its training began, and is marked FAILED" if is_marked else ""
        return "marked FAILED: its process is gone" if mark_gone(client, client.get_run(run_id)) else ""
    except MlflowException:
        return ""  # a run of another store, or a server that does not answer


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
        shutil.rmtree(journal, ignore_errors=True)  # a `sync` may write there
        forget_progress(journal)  # of a journal that is gone; the next one begins with number 1, too
        for file in folder.glob("*.pt"):
            file.unlink(missing_ok=True)
