"""What takes space in a tracking store, and which files may be deleted.

Parameters, metrics and tables are never deleted: they are small, and they are the result. The checkpoints and panels
of a finished run may be deleted. They stay if the run is the best or the last of its group or has the tag msl.keep, or
if a run that stays started from it.
"""

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime

from mlflow.entities import Run, ViewType
from mlflow.exceptions import MlflowException
from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository
from mlflow.tracking import MlflowClient

from msl import schema
from msl.errors import ServiceError
from msl.service.settings import CleanConfig

OTHER = "other files"
KINDS = (schema.CHECKPOINT_FOLDER, schema.PANEL_FOLDER, OTHER)
_REMOVABLE = (schema.CHECKPOINT_FOLDER, schema.PANEL_FOLDER)
_SCORE = schema.final(schema.LAST, schema.score(schema.TARGET, schema.MIOU))
_PAGE = 1000
_DAY_MS = 86_400_000

Sizes = Mapping[str, int]  # bytes of each of KINDS
Say = Callable[[str], object]


@dataclass(frozen=True)
class Holding:
    """A run and the sizes of its files."""

    run: Run
    sizes: Sizes
    keep_reason: str | None  # why nothing is deleted; None: its checkpoints and panels may be deleted

    @property
    def removable(self) -> int:
        """Bytes that may be deleted."""
        return 0 if self.keep_reason else sum(self.sizes[kind] for kind in _REMOVABLE)


def survey(client: MlflowClient, config: CleanConfig) -> list[Holding]:
    """Every run with its sizes and the reason to keep it, largest first.

    Raises:
        ServiceError: there is no such experiment, or the store cannot be read.
    """
    try:
        runs = list(_runs(client, _experiments(client, config.experiment)))
        reasons = _reasons(runs, time.time() * 1000 - config.older_than_days * _DAY_MS)
        holdings = [Holding(run, _sizes(client, run.info.run_id), reasons.get(run.info.run_id)) for run in runs]
    except (MlflowException, OSError) as error:
        raise ServiceError(f"the tracking store cannot be read: {str(error).splitlines()[0]}") from error
    return sorted(holdings, key=lambda holding: -sum(holding.sizes.values()))


def clean(client: MlflowClient, config: CleanConfig, say: Say = print) -> int:
    """List what takes space and what may be deleted, and delete it if `config.delete` is set.

    Returns:
        The bytes that may be deleted, or were.

    Raises:
        ServiceError: there is no such experiment, or a file cannot be listed or deleted.
    """
    holdings = survey(client, config)
    for line in report(holdings):
        say(line)
    removable = [holding for holding in holdings if holding.removable]
    size = sum(holding.removable for holding in removable)
    if not removable:
        say("there is nothing to delete")
    elif not config.delete:
        say(f"{mib(size)} of {len(removable)} runs may be deleted; --delete does it")
    else:
        for holding in removable:
            _delete(client, holding.run)
        say(f"{mib(size)} of {len(removable)} runs are deleted; their parameters and metrics stay")
    return size


def report(holdings: Sequence[Holding]) -> Iterator[str]:
    """The totals by kind, then a line for each run that has files."""
    total = Counter[str]()
    for holding in holdings:
        total.update(holding.sizes)
    yield f"{len(holdings)} runs: " + ", ".join(f"{kind} {mib(total[kind])}" for kind in KINDS)
    for holding in holdings:
        info, tags = holding.run.info, holding.run.data.tags
        if sum(holding.sizes.values()):
            parts = ", ".join(f"{kind} {mib(size)}" for kind, size in holding.sizes.items() if size)
            verdict = (
                f"stays: {holding.keep_reason}" if holding.keep_reason else f"{mib(holding.removable)} may be deleted"
            )
            yield f"{info.run_id}  {tags.get(schema.GROUP, info.run_name)}: {parts}; {verdict}"


def mib(size: int) -> str:
    """A number of bytes as text, in MiB."""
    return f"{size / 2**20:.1f} MiB"


def _experiments(client: MlflowClient, name: str | None) -> list[str]:
    if name is None:
        return [experiment.experiment_id for experiment in client.search_experiments(ViewType.ALL)]
    experiment = client.get_experiment_by_name(name)
    if experiment is None:
        raise ServiceError(f"experiment = {name}: no experiment has that name")
    return [experiment.experiment_id]


def _runs(client: MlflowClient, experiments: Sequence[str]) -> Iterator[Run]:
    token = None
    while True:
        page = client.search_runs(list(experiments), "", ViewType.ACTIVE_ONLY, _PAGE, page_token=token)
        yield from page
        token = page.token
        if not token:
            return


def _reasons(runs: Sequence[Run], newest_ms: float) -> dict[str, str]:
    """Why runs stay whole, by their IDs; runs that need not stay are left out."""
    reasons = {run.info.run_id: reason for run in runs if (reason := _reason_of(run, newest_ms))}
    groups = defaultdict(list)
    for run in runs:
        if schema.GROUP in run.data.tags and run.info.status == "FINISHED":
            groups[run.info.experiment_id, run.data.tags[schema.GROUP]].append(run)
    for members in groups.values():
        last = max(members, key=lambda run: run.info.end_time)
        reasons.setdefault(last.info.run_id, "last of its group")
        scored = [run for run in members if _SCORE in run.data.metrics]
        if scored:
            best = max(scored, key=lambda run: run.data.metrics[_SCORE])
            reasons.setdefault(best.info.run_id, "best of its group")
    by_id = {run.info.run_id: run for run in runs}
    waiting = list(reasons)
    while waiting:  # back to the first stage that a run that stays started from
        parent = by_id[waiting.pop()].data.tags.get(schema.PARENT)
        if parent in by_id and parent not in reasons:
            reasons[parent] = "a run that stays started from it"
            waiting.append(parent)
    return reasons


def _reason_of(run: Run, newest_ms: float) -> str | None:
    if schema.KEEP in run.data.tags:
        return f"tagged {schema.KEEP}"
    if schema.STAGE not in run.data.tags:
        return "not a run of msl"
    if run.info.status in ("RUNNING", "SCHEDULED"):
        return "still running"
    if (run.info.end_time or 0) > newest_ms:
        return "ended a short time ago"
    return None


def _sizes(client: MlflowClient, run_id: str) -> Sizes:
    """Bytes by kind; a run in progress replaces its checkpoints, perhaps while they are listed."""
    with suppress(FileNotFoundError):
        return _listed(client, run_id)
    return _listed(client, run_id)


def _listed(client: MlflowClient, run_id: str) -> Sizes:
    sizes = dict.fromkeys(KINDS, 0)
    folders = [""]
    while folders:
        for file in client.list_artifacts(run_id, folders.pop() or None):
            kind = file.path.partition("/")[0]
            if file.is_dir:
                folders.append(file.path)
            else:
                sizes[kind if kind in KINDS else OTHER] += file.file_size or 0
    return sizes


def _delete(client: MlflowClient, run: Run) -> None:
    repository = get_artifact_repository(run.info.artifact_uri, tracking_uri=client.tracking_uri)
    try:
        folders = {file.path for file in client.list_artifacts(run.info.run_id)}
        for folder in folders.intersection(_REMOVABLE):
            repository.delete_artifacts(folder)
        client.set_tag(run.info.run_id, schema.CLEANED, datetime.now(UTC).isoformat(timespec="seconds"))
    except (MlflowException, OSError, NotImplementedError) as error:
        raise ServiceError(f"files of run {run.info.run_id} cannot be deleted: {error}") from error
