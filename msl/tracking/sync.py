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
from msl.tracking.reaper import reap_now
from msl.tracking.restored import forget_if_lost
from msl.tracking.run_folder import is_in_use, work_folder
from msl.tracking.runs import close_undescribed
from msl.tracking.send import sending_lock
from msl.tracking.sender import REFUSED_FILE, Sender, UnreachableError, is_finished


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
        TrackingError: there is no journal of that run here.
    """
    store = OfflineStore()
    folders = sorted(file.parent for file in work_folder().glob(f"*/{schema.JOURNAL_FOLDER}"))
    undescribed = [
        file.parent for file in sorted(work_folder().glob(f"*/{schema.REQUEST_FILE}")) if not is_in_use(file.parent)
    ]
    if run_id is not None:
        folders = [folder for folder in folders if folder.name == run_id]
        undescribed = [folder for folder in undescribed if folder.name == run_id]
        if not folders and not undescribed and store.find(run_id) is None:
            raise TrackingError(
                f"run = {run_id}: there is no journal of that run in {work_folder()}. Give the command in the folder "
                "where the run was started, or set MSL_WORK."
            )
    for folder in folders:
        yield _sync(store.client if store.find(folder.name) else client, folder)
    for folder in undescribed:
        if close_undescribed(store.client if store.find(folder.name) else client, folder.name):
            yield Synced(folder.name, "it ended before its training began, and is marked FAILED")
    yield from (Synced(*told) for told in sync_offline(client, store, run_id))
    if run_id is None:
        yield from _clear_up(client)


def _clear_up(client: MlflowClient) -> Iterator[Synced]:
    """Remove what dead runs have left here, and mark dead runs of the whole store."""
    for lock in sorted(work_folder().glob("*/lock")):
        text = clear(client, lock.parent)
        if text:
            yield Synced(lock.parent.name, text)
    for run_id in reap_now(client):
        yield Synced(run_id, "marked FAILED: it gives no sign of life")


def _sync(client: MlflowClient, folder: Path) -> Synced:
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
            is_dead = sender.end is None and not is_in_use(folder)
            if is_dead:
                sender.close_dead()
        except LeaseLostError as error:
            return Synced(run_id, _forget(folder, error))
        except UnreachableError as error:
            return Synced(run_id, f"nothing can be sent at present ({error}); everything is kept", is_done=False)
    if is_finished(journal) and not is_in_use(folder):
        shutil.rmtree(folder)
    dead = ", the run is marked FAILED: its process is gone" if is_dead else ""
    refused = f"; records that the server refuses are in {journal / REFUSED_FILE}"
    return Synced(run_id, f"{count} records sent{dead}{refused if (journal / REFUSED_FILE).exists() else ''}")


def _forget(folder: Path, error: LeaseLostError) -> str:
    """Remove the folder of a run that another process continues: it trains again what was not sent from here."""
    if not is_in_use(folder):
        shutil.rmtree(folder)
    return f"{error}; its folder here is removed"
