"""Sending what trainings on this machine have left behind, after an outage of the server or of the machine."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from mlflow.tracking import MlflowClient

from msl import schema
from msl.errors import TrackingError
from msl.tracking.lease import LeaseLostError
from msl.tracking.leftovers import clear
from msl.tracking.offline import OfflineStore
from msl.tracking.offline_sync import sync_offline
from msl.tracking.progress import REFUSED_FILE, is_finished
from msl.tracking.reaper import reap_now
from msl.tracking.restored import forget_if_lost
from msl.tracking.run_folder import LOCK_FILE, held, is_in_use, work_folder
from msl.tracking.send import sending_lock
from msl.tracking.sender import Sender, UnreachableError

_SIGNS = (LOCK_FILE, schema.JOURNAL_FOLDER, schema.REQUEST_FILE)  # what the folder of a run has


@dataclass(frozen=True)
class Synced:
    """What was done for one run."""

    run_id: str
    text: str
    is_done: bool = True  # nothing of it is left to be sent


def sync(client: MlflowClient, run_id: str | None = None) -> Iterator[Synced]:
    """Send the journals below the work folder, remove what finished and dead runs have left, send the offline runs.

    A run in progress is left to its own sender. A run whose process ended without a word becomes FAILED; without
    `run_id`, so does every run of the store that gives no sign of life.

    Args:
        client: of the tracking store.
        run_id: only this run.

    Raises:
        TrackingError: nothing of that run is here.
    """
    store = OfflineStore()
    folders = [folder for folder in _run_folders() if run_id in (None, folder.name)]
    if run_id is not None and not folders and store.find(run_id) is None:
        raise TrackingError(
            f"run = {run_id}: there is no journal of that run in {work_folder()}. Give the command in the folder "
            "where the run was started, or set MSL_WORK."
        )
    for folder in folders:
        yield from _settle(store.client if store.find(folder.name) else client, folder)
    yield from (Synced(*told) for told in sync_offline(client, store, run_id))
    if run_id is None:
        for dead in reap_now(client):
            yield Synced(dead, "marked FAILED: it gives no sign of life")


def _run_folders() -> list[Path]:
    return sorted({path.parent for name in _SIGNS for path in work_folder().glob(f"*/{name}")})


def _settle(client: MlflowClient, folder: Path) -> Iterator[Synced]:
    """Send the journal in a run's folder, and clear the folder, unless the run's process removes it meanwhile."""
    try:
        if (folder / schema.JOURNAL_FOLDER).is_dir():
            yield _send(client, folder)
        if text := clear(client, folder):
            yield Synced(folder.name, text)
    except FileNotFoundError:
        if (folder / LOCK_FILE).exists() and not is_in_use(folder):
            raise


def _send(client: MlflowClient, folder: Path) -> Synced:
    run_id, journal = folder.name, folder / schema.JOURNAL_FOLDER
    with sending_lock(journal, wait=False) as is_free:
        if not is_free:
            return Synced(run_id, "its own sender is at work")
        forget_if_lost(client, run_id, journal)
        sender = Sender(client, run_id, journal)
        sender.read()
        count = sender.count
        try:
            sender.send()
            text = _end(sender, folder)
        except LeaseLostError as error:
            return Synced(run_id, f"{error}{_forget(folder)}")
        except UnreachableError as error:
            return Synced(run_id, f"nothing can be sent at present ({error}); everything is kept", is_done=False)
    return Synced(run_id, f"{count} records sent{text}")


def _end(sender: Sender, folder: Path) -> str:
    """Mark the run if its process is gone, remove its folder if it is finished; gives what to tell."""
    journal = folder / schema.JOURNAL_FOLDER
    refused = f"; records that the server refuses are in {journal / REFUSED_FILE}"
    text = refused if (journal / REFUSED_FILE).exists() else ""
    with held(folder) as is_ours:
        if is_ours and sender.end is None and sender.close_dead():
            text = f", the run is marked FAILED: its process is gone{text}"
        if is_ours and is_finished(journal):
            shutil.rmtree(folder, ignore_errors=True)  # somebody may look at it; the next `sync` removes the rest
    return text


def _forget(folder: Path) -> str:
    """Remove the folder of a run that another process continues: it trains again what was not sent from here."""
    with held(folder) as is_ours:
        if is_ours:
            shutil.rmtree(folder, ignore_errors=True)
    return "; its folder here is removed" if is_ours and not folder.exists() else ""
