"""Sending what trainings on this machine have left behind, after an outage of the server or of the machine."""

import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from mlflow.entities import Run
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

from msl import schema
from msl.errors import TrackingError
from msl.tracking.offline import OfflineStore
from msl.tracking.run_folder import is_in_use, work_folder
from msl.tracking.runs import close_undescribed
from msl.tracking.send import sending_lock
from msl.tracking.sender import REFUSED_FILE, Sender, UnreachableError, is_sent
from msl.tracking.transfer import Transfer, move_folder


@dataclass(frozen=True)
class Synced:
    """What was done for one run."""

    run_id: str
    text: str
    is_done: bool = True  # nothing of it is left to be sent


def sync(client: MlflowClient, run_id: str | None = None) -> Iterator[Synced]:
    """Send the journals below the work folder, and remove those of finished runs; then send the offline runs.

    A run in progress is left to its own sender. A run whose process ended without a word becomes FAILED.

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
    yield from _sync_offline(client, store, run_id)


def _sync_offline(client: MlflowClient, store: OfflineStore, run_id: str | None) -> Iterator[Synced]:
    """Send the offline runs that have ended; of one run, also those that it needed."""
    for run in store.runs():
        if schema.SYNCED in run.data.tags:  # an earlier `sync` may have ended just before this
            move_folder(run.info.run_id, run.data.tags[schema.SYNCED])
    runs = {run.info.run_id: run for run in store.runs() if schema.SYNCED not in run.data.tags}
    chosen = list(runs.values() if run_id is None else _family(runs, run_id).values())
    busy = {run.info.run_id for run in chosen if _is_going_on(run)}
    for busy_id in sorted(busy):
        yield Synced(busy_id, "it is in progress, without a server")
    ended = [run for run in chosen if not busy & {run.info.run_id, run.data.tags.get(schema.MLFLOW_PARENT)}]
    sent: set[str] = set()
    try:
        for local, remote in Transfer(client, store).send(ended):
            sent.add(local)
            yield Synced(local, f"made without a server, and now run {remote} of the server")
    except (MlflowException, OSError, TrackingError) as error:
        reason = str(error).splitlines()[0]
        for run in ended:
            if run.info.run_id not in sent:
                yield Synced(run.info.run_id, f"it cannot be sent at present ({reason}); everything is kept", False)


def _family(runs: Mapping[str, Run], run_id: str) -> dict[str, Run]:
    """A run, the one that it was made for, and those that it started from or that were made for it."""
    family: dict[str, Run] = {}
    waiting = [run_id]
    while waiting:
        member = runs.get(waiting.pop())
        if member is not None and member.info.run_id not in family:
            family[member.info.run_id] = member
            tags = member.data.tags
            waiting += [tags[name] for name in (schema.PARENT, schema.MLFLOW_PARENT) if name in tags]
            waiting += [
                other for other, run in runs.items() if run.data.tags.get(schema.MLFLOW_PARENT) == member.info.run_id
            ]
    return family


def _is_going_on(run: Run) -> bool:
    folder = work_folder() / run.info.run_id
    return folder.is_dir() and is_in_use(folder)


def _sync(client: MlflowClient, folder: Path) -> Synced:
    run_id, journal = folder.name, folder / schema.JOURNAL_FOLDER
    with sending_lock(journal, wait=False) as is_free:
        if not is_free:
            return Synced(run_id, "its own sender is at work")
        sender = Sender(client, run_id, journal)
        sender.read()
        count = sender.count
        try:
            sender.send()
            is_dead = sender.end is None and not is_in_use(folder)
            if is_dead:
                sender.close_dead()
        except UnreachableError as error:
            return Synced(run_id, f"nothing can be sent at present ({error}); everything is kept", is_done=False)
    if sender.end == schema.FINISHED and is_sent(journal) and not is_in_use(folder):
        shutil.rmtree(folder)
    dead = ", the run is marked FAILED: its process is gone" if is_dead else ""
    refused = f"; records that the server refuses are in {journal / REFUSED_FILE}"
    return Synced(run_id, f"{count} records sent{dead}{refused if (journal / REFUSED_FILE).exists() else ''}")
