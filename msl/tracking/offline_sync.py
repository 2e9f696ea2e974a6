"""Which offline runs are sent to the tracking server, and what is told of each."""

from collections.abc import Iterator, Mapping

from mlflow.entities import Run
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

from msl import schema
from msl.errors import TrackingError
from msl.tracking.answers import is_refusal, reason_of
from msl.tracking.offline import OfflineStore
from msl.tracking.reaper import mark_gone
from msl.tracking.run_folder import is_in_use, work_folder
from msl.tracking.transfer import Transfer, move_folder

Told = tuple[str, str, bool]  # the run's ID here, what was done, and whether nothing of it is left


def sync_offline(client: MlflowClient, store: OfflineStore, run_id: str | None) -> Iterator[Told]:
    """Send the offline runs that have ended; of one run, also those that it needed."""
    _finish_moves(store)
    yield from ((dead, "marked FAILED: its process is gone", True) for dead in _mark_dead(store))
    runs = {run.info.run_id: run for run in store.runs() if schema.SYNCED not in run.data.tags}
    chosen = list(runs.values() if run_id is None else _family(runs, run_id).values())
    busy = {run.info.run_id for run in chosen if _is_going_on(run)}
    yield from ((busy_id, "it is in progress, without a server", True) for busy_id in sorted(busy))
    yield from _send(
        Transfer(client, store),
        [run for run in chosen if not busy & {run.info.run_id, run.data.tags.get(schema.MLFLOW_PARENT)}],
    )


def _mark_dead(store: OfflineStore) -> list[str]:
    """Mark the runs whose process ended before their journal began; the end of others is in their journal."""
    runs = [run for run in store.runs() if not (work_folder() / run.info.run_id / schema.JOURNAL_FOLDER).is_dir()]
    return [run.info.run_id for run in runs if mark_gone(store.client, run)]


def _send(transfer: Transfer, runs: list[Run]) -> Iterator[Told]:
    waiting = [run.info.run_id for run in runs]
    try:
        transfer.make(runs)
        for run in runs:
            yield _sent(transfer, run)
            waiting.remove(run.info.run_id)
    except (MlflowException, OSError, TrackingError) as error:
        reason = str(error).splitlines()[0]
        for local in waiting:
            yield local, f"it cannot be sent at present ({reason}); everything is kept", False


def _sent(transfer: Transfer, run: Run) -> Told:
    """Send a run. One of which the server refuses a part stays here, and stops no other."""
    try:
        remote = transfer.send(run)
    except (MlflowException, OSError) as error:
        if not is_refusal(error):
            raise
        return run.info.run_id, f"the server refuses a part of it ({reason_of(error)}); everything is kept", False
    return run.info.run_id, f"made without a server, and now run {remote} of the server", True


def _finish_moves(store: OfflineStore) -> None:
    """An earlier `sync` may have ended after it had sent a run, and before it moved the run's folder."""
    for run in store.runs():
        if schema.SYNCED in run.data.tags:
            move_folder(run.info.run_id, run.data.tags[schema.SYNCED])


def _family(runs: Mapping[str, Run], run_id: str) -> dict[str, Run]:
    """A run, the one that it was made for, and those that it started from or that were made for it."""
    family: dict[str, Run] = {}
    waiting = [run_id]
    while waiting:
        member = runs.get(waiting.pop())
        if member is not None and member.info.run_id not in family:
            family[member.info.run_id] = member
            waiting += _relatives(member, runs)
    return family


def _relatives(member: Run, runs: Mapping[str, Run]) -> list[str]:
    tags, run_id = member.data.tags, member.info.run_id
    above = [tags[name] for name in (schema.PARENT, schema.MLFLOW_PARENT) if name in tags]
    return above + [other for other, run in runs.items() if run.data.tags.get(schema.MLFLOW_PARENT) == run_id]


def _is_going_on(run: Run) -> bool:
    """Whether a run is trained or its sender is at work; a run that has died was marked FAILED before."""
    folder = work_folder() / run.info.run_id
    return run.info.status == schema.RUNNING or (folder.is_dir() and is_in_use(folder))
