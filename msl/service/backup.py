"""Copies of a service. One can be made while runs are written, and can be restored into an empty service.

Databases are copied before artifacts, so a copy has every file of each run that is in it. The files of runs that are
still running may be a little newer than their rows. A backup reads each stored file again that it needs, and copies
damaged ones anew from the service: so older snapshots that have them are whole again, too.
"""

import logging
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from tempfile import NamedTemporaryFile

from msl.errors import ServiceError
from msl.service import databases, snapshots
from msl.service.files import Files, Mark, open_files
from msl.service.settings import BackupConfig, RestoreConfig
from msl.service.snapshots import NEWEST, Objects, Snapshot, StoredFile
from msl.service.storage import database_errors, private_files, require_artifacts, require_database, resolve

SIGNATURES = "backups.log"  # private file of the service: the time, name and signature of each snapshot
_COPY_ATTEMPTS = 5  # for a file that changes while it is copied
_LOG = logging.getLogger("msl.service")

Say = Callable[[str], object]


@private_files()
def back_up(config: BackupConfig, say: Say = print) -> Snapshot:
    """Add a snapshot of a service to the backups in a folder.

    Args:
        config: the service and the folder.
        say: is called with each line that tells what was done.

    Raises:
        ServiceError: the database or an artifact cannot be read, the folder cannot be written, or a file changes
            again and again while it is copied.
    """
    storage = resolve(config)
    require_database(storage)
    previous = _newest(config.backup)
    name = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
    folder, objects = config.backup / "snapshots" / name, Objects(config.backup)
    try:
        folder.mkdir(parents=True)
        objects.folder.mkdir(exist_ok=True)
        config.backup.chmod(0o700)
        with database_errors(storage):
            rows = databases.dump(storage, folder)
    except OSError as error:
        raise ServiceError(
            f"backup = {config.backup} cannot be written: {error.strerror or error}; name another folder"
        ) from error
    try:
        copying = Copying(open_files(storage.artifacts), objects, say)
        artifacts = copying.all(previous.artifacts if previous else {})
    except OSError as error:
        raise ServiceError(f"artifacts cannot be copied: {error}") from error
    dumps = {dump: snapshots.digest(folder / dump) for dump in (databases.RUNS_DUMP, databases.ACCOUNTS_DUMP)}
    snapshot = Snapshot(name, dumps, rows, artifacts)
    signature = snapshots.write(config.backup, snapshot)
    _record(storage.private / SIGNATURES, name, signature)
    known = {stored.sha256 for stored in previous.artifacts.values()} if previous else set()
    new_sizes = {stored.sha256: stored.mark.size for stored in artifacts.values() if stored.sha256 not in known}
    say(
        f"{folder}: {rows['runs']} runs, {rows['metrics']} rows of metrics, {len(artifacts)} files, "
        f"{len(new_sizes)} of them new ({sum(new_sizes.values()) / 2**20:.1f} MiB); signature {signature}"
    )
    outside = databases.count_runs_outside(folder)
    if outside:
        say(f"not copied: the artifacts of {outside} runs that were recorded without the server")
    return snapshot


@private_files()
def restore(config: RestoreConfig, say: Say = print) -> Snapshot:
    """Check every file of a snapshot, and put it into a service that is empty and not running.

    If the settings name no snapshot, this is the newest one that is whole.

    Raises:
        ServiceError: the snapshot is damaged, or no snapshot is whole; or the service has runs or artifacts already,
            or cannot be written.
    """
    storage = resolve(config)
    snapshot, objects = _chosen(config, say), Objects(config.backup)
    files = open_files(storage.artifacts)
    require_database(storage)
    require_artifacts(storage)
    databases.require_empty(storage)
    if file_count := len(files.marks()):
        raise ServiceError(
            f"{storage.artifacts} has {file_count} files already; restore into an empty folder or bucket"
        )
    try:
        for path, stored in snapshot.artifacts.items():
            files.put(objects.path(stored.sha256), path)
    except OSError as error:
        raise ServiceError(f"artifacts cannot be written: {error}") from error
    with database_errors(storage):
        databases.restore(config.backup / "snapshots" / snapshot.name, storage)
    say(
        f"{storage.address}: {snapshot.rows['runs']} runs, {snapshot.rows['metrics']} rows of metrics, "
        f"{len(snapshot.artifacts)} files of {snapshot.name}, "
        f"signature {snapshots.signature(config.backup, snapshot.name)}"
    )
    return snapshot


def _chosen(config: RestoreConfig, say: Say) -> Snapshot:
    if config.snapshot != NEWEST:
        return snapshots.check(config.backup, config.snapshot)
    snapshot, damaged = snapshots.newest_whole(config.backup)
    if damaged:
        say(f"damaged, so {snapshot.name} is restored: {', '.join(damaged)}; `backup --check` names the files")
    return snapshot


def _newest(folder: Path) -> Snapshot | None:
    return snapshots.read(folder) if snapshots.names(folder) else None


def _record(log: Path, name: str, signature: str) -> None:
    """Remember a signature outside the backups, so that a manifest that was changed with its signature is noticed."""
    with log.open("a") as file:
        file.write(f"{name} {signature}\n")
    _LOG.info("snapshot %s has the signature %s", name, signature)


class Copying:
    """The copy of a service's artifacts into the objects of a folder of backups."""

    def __init__(self, files: Files, objects: Objects, say: Say) -> None:
        """Copy nothing yet; `say` is called for each object that was damaged."""
        self._files, self._objects, self._say = files, objects, say

    def all(self, previous: Mapping[str, StoredFile]) -> dict[str, StoredFile]:
        """Copy the files that are new, have changed or are damaged; one that is deleted meanwhile is left out."""
        artifacts = {}
        for path, mark in self._files.marks().items():
            copied = previous.get(path)
            if copied is not None and copied.mark == mark and self._objects.is_whole(copied.sha256):
                artifacts[path] = copied
            elif (stored := self._copy(path)) is not None:
                artifacts[path] = stored
        return artifacts

    def _copy(self, path: str) -> StoredFile | None:
        """Copy a file as it is at one moment."""
        for _ in range(_COPY_ATTEMPTS):
            mark = self._files.mark(path)
            if mark is None:
                return None
            if (sha256 := self._copy_unless_it_changes(path, mark)) is not None:
                return StoredFile(sha256, mark)
        raise ServiceError(
            f"artifact {path} changed {_COPY_ATTEMPTS} times while it was copied; try again when its run has ended"
        )

    def _copy_unless_it_changes(self, path: str, mark: Mark) -> str | None:
        with NamedTemporaryFile(dir=self._objects.folder, prefix="part-") as part:
            copy = Path(part.name)
            try:
                self._files.fetch(path, copy)
            except FileNotFoundError:
                return None
            if self._files.mark(path) != mark or copy.stat().st_size != mark.size:
                return None
            sha256 = snapshots.digest(copy)
            if self._objects.put(copy, sha256):
                self._say(f"{self._objects.path(sha256)} was damaged, and is copied again from {path}")
            return sha256
