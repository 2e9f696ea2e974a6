"""Copies of a service. One can be made while runs are written, and can be restored into an empty service.

    objects/ab/ab12…                  a file of artifacts by its SHA-256, stored once for all snapshots that have it
    snapshots/20260131T235959Z/       runs.db, accounts.db: the databases at one moment
                             manifest.json    written last: a snapshot without it is not complete

Databases are copied before artifacts, so a copy has every file of each run that is in it. The files of runs that are
still running may be a little newer than their rows.
"""

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from hashlib import file_digest
from pathlib import Path
from tempfile import NamedTemporaryFile

from msl.errors import ServiceError
from msl.service import databases
from msl.service.files import Files, Mark, open_files
from msl.service.settings import BackupConfig, RestoreConfig
from msl.service.storage import database_errors, private_files, require_artifacts, require_database, resolve

LAYOUT = 1
NEWEST = "newest"
_MANIFEST = "manifest.json"
_COPY_ATTEMPTS = 5  # for a file that changes while it is copied

Say = Callable[[str], object]


@dataclass(frozen=True)
class StoredFile:
    """A file of artifacts in a backup."""

    sha256: str
    mark: Mark  # at the time of the copy


@dataclass(frozen=True)
class Snapshot:
    """A service at one moment."""

    name: str
    databases: Mapping[str, str]  # file: SHA-256
    rows: Mapping[str, int]  # their number, by table
    artifacts: Mapping[str, StoredFile]  # by path


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
    folder = config.backup / "snapshots" / name
    try:
        folder.mkdir(parents=True)
        (config.backup / "objects").mkdir(exist_ok=True)
        config.backup.chmod(0o700)
        with database_errors(storage):
            rows = databases.dump(storage, folder)
    except OSError as error:
        raise ServiceError(
            f"backup = {config.backup} cannot be written: {error.strerror or error}; name another folder"
        ) from error
    try:
        artifacts = _keep_all(open_files(storage.artifacts), config.backup, previous.artifacts if previous else {})
    except OSError as error:
        raise ServiceError(f"artifacts cannot be copied: {error}") from error
    dumps = {dump: _digest(folder / dump) for dump in (databases.RUNS_DUMP, databases.ACCOUNTS_DUMP)}
    snapshot = Snapshot(name, dumps, rows, artifacts)
    _write(folder / _MANIFEST, json.dumps({"layout": LAYOUT, **asdict(snapshot)}, indent=1))
    known = {stored.sha256 for stored in previous.artifacts.values()} if previous else set()
    new_sizes = {stored.sha256: stored.mark.size for stored in artifacts.values() if stored.sha256 not in known}
    say(
        f"{folder}: {rows['runs']} runs, {rows['metrics']} rows of metrics, {len(artifacts)} files, "
        f"{len(new_sizes)} of them new ({sum(new_sizes.values()) / 2**20:.1f} MiB)"
    )
    outside = databases.count_runs_outside(folder)
    if outside:
        say(f"not copied: the artifacts of {outside} runs that were recorded without the server")
    return snapshot


def check(folder: Path, name: str = NEWEST) -> Snapshot:
    """Read every file of a snapshot and compare its checksum.

    Raises:
        ServiceError: there is no such snapshot, or files are missing or damaged; the message names them.
    """
    snapshot = read(folder, name)
    dumps = folder / "snapshots" / snapshot.name
    expected = {dumps / dump: sha256 for dump, sha256 in snapshot.databases.items()}
    expected |= {_object(folder, stored.sha256): stored.sha256 for stored in snapshot.artifacts.values()}
    damaged = [str(path) for path, sha256 in expected.items() if not path.is_file() or _digest(path) != sha256]
    if damaged:
        raise ServiceError(
            f"snapshot {snapshot.name}: {len(damaged)} of {len(expected)} files are missing or damaged: "
            f"{', '.join(damaged[:5])}. Try another snapshot: {', '.join(_names(folder))}"
        )
    return snapshot


@private_files()
def restore(config: RestoreConfig, say: Say = print) -> Snapshot:
    """Check every file of a snapshot, and put it into a service that is empty and not running.

    Raises:
        ServiceError: the snapshot is damaged, or the service has runs or artifacts already or cannot be written.
    """
    storage = resolve(config)
    snapshot = check(config.backup, config.snapshot)
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
            files.put(_object(config.backup, stored.sha256), path)
    except OSError as error:
        raise ServiceError(f"artifacts cannot be written: {error}") from error
    with database_errors(storage):
        databases.restore(config.backup / "snapshots" / snapshot.name, storage)
    say(
        f"{storage.address}: {snapshot.rows['runs']} runs, {snapshot.rows['metrics']} rows of metrics, "
        f"{len(snapshot.artifacts)} files of {snapshot.name}"
    )
    return snapshot


def read(folder: Path, name: str = NEWEST) -> Snapshot:
    """A snapshot by its name.

    Raises:
        ServiceError: there is no such snapshot, or its manifest is damaged.
    """
    names = _names(folder)
    if not names or (name != NEWEST and name not in names):
        raise ServiceError(f"snapshot = {name}: {folder} has {', '.join(names) or 'no snapshot'}")
    manifest = folder / "snapshots" / (names[-1] if name == NEWEST else name) / _MANIFEST
    try:
        content = json.loads(manifest.read_text())
    except (OSError, ValueError) as error:
        raise ServiceError(
            f"{manifest} is damaged: {error}. Move its folder away; the other snapshots can be used"
        ) from error
    if content.pop("layout") != LAYOUT:
        raise ServiceError(f"{folder} was written by another version of msl, whose layout this version cannot read")
    entries = content.pop("artifacts").items()
    artifacts = {path: StoredFile(entry["sha256"], Mark(**entry["mark"])) for path, entry in entries}
    return Snapshot(artifacts=artifacts, **content)


def _newest(folder: Path) -> Snapshot | None:
    return read(folder) if _names(folder) else None


def _names(folder: Path) -> list[str]:
    return sorted(path.parent.name for path in folder.glob(f"snapshots/*/{_MANIFEST}"))


def _keep_all(files: Files, folder: Path, previous: Mapping[str, StoredFile]) -> dict[str, StoredFile]:
    """Copy the files that are new or have changed; a file that is deleted meanwhile is left out."""
    artifacts = {}
    for path, mark in files.marks().items():
        copied = previous.get(path)
        if copied is not None and copied.mark == mark and _object(folder, copied.sha256).is_file():
            artifacts[path] = copied
        elif (stored := _keep(files, path, folder)) is not None:
            artifacts[path] = stored
    return artifacts


def _keep(files: Files, path: str, folder: Path) -> StoredFile | None:
    """Copy a file as it is at one moment."""
    for _ in range(_COPY_ATTEMPTS):
        mark = files.mark(path)
        if mark is None:
            return None
        with NamedTemporaryFile(dir=folder / "objects", prefix="part-") as part:
            copy = Path(part.name)
            try:
                files.fetch(path, copy)
            except FileNotFoundError:
                continue
            if files.mark(path) != mark or copy.stat().st_size != mark.size:
                continue
            sha256 = _digest(copy)
            target = _object(folder, sha256)
            if not target.exists():
                target.parent.mkdir(exist_ok=True)
                _sync(copy)
                os.link(copy, target)
            return StoredFile(sha256, mark)
    raise ServiceError(
        f"artifact {path} changed {_COPY_ATTEMPTS} times while it was copied; try again when its run has ended"
    )


def _object(folder: Path, sha256: str) -> Path:
    return folder / "objects" / sha256[:2] / sha256


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()


def _write(path: Path, content: str) -> None:
    part = path.with_suffix(".part")
    part.write_text(content)
    _sync(part)
    part.rename(path)


def _sync(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())
