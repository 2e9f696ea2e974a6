"""Copies of a service that can be taken while runs are written, and restored into an empty one.

    objects/ab/ab12…                  a file of artifacts by its SHA-256, kept once however many snapshots have it
    snapshots/20260131T235959Z/       runs.db, accounts.db: the databases at one moment
                             manifest.json    written last: a snapshot without it was not completed

Databases are copied before artifacts, so that every file of a run that is in the copy is in it too; of runs under way
files may be a little newer than the rows.
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
from msl.service.place import reaching, require_artifacts, require_database, resolve
from msl.service.settings import BackupConfig, RestoreConfig

LAYOUT = 1
NEWEST = "newest"
_MANIFEST = "manifest.json"
_TRIES = 5  # of a file that changes while it is copied

Say = Callable[[str], object]


@dataclass(frozen=True)
class Kept:
    """A file of artifacts in a backup."""

    sha256: str
    mark: Mark


@dataclass(frozen=True)
class Snapshot:
    """A service at one moment."""

    name: str
    databases: Mapping[str, str]  # file: SHA-256
    rows: Mapping[str, int]  # of each table
    artifacts: Mapping[str, Kept]  # by path


def back_up(config: BackupConfig, say: Say = print) -> Snapshot:
    """Add a snapshot of a service to the backups in a folder.

    Args:
        config: the service and the folder.
        say: told what was done, in a line.

    Raises:
        ServiceError: the database or an artifact cannot be read, the folder cannot be written, or a file never stays
            as it is.
    """
    place = resolve(config)
    require_database(place)
    before = _newest(config.backup)
    name = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
    folder = config.backup / "snapshots" / name
    try:
        folder.mkdir(parents=True)
        (config.backup / "objects").mkdir(exist_ok=True)
        config.backup.chmod(0o700)
        with reaching(place):
            rows = databases.dump(place, folder)
    except OSError as error:
        raise ServiceError(f"backup = {config.backup} cannot be written: {error.strerror or error}") from error
    try:
        artifacts = _keep_all(open_files(place.artifacts), config.backup, before.artifacts if before else {})
    except OSError as error:
        raise ServiceError(f"artifacts cannot be copied: {error}") from error
    dumps = {dump: _digest(folder / dump) for dump in (databases.RUNS_DUMP, databases.ACCOUNTS_DUMP)}
    snapshot = Snapshot(name, dumps, rows, artifacts)
    _write(folder / _MANIFEST, json.dumps({"layout": LAYOUT, **asdict(snapshot)}, indent=1))
    known = {kept.sha256 for kept in before.artifacts.values()} if before else set()
    new = {kept.sha256: kept.mark.size for kept in artifacts.values() if kept.sha256 not in known}
    say(
        f"{folder}: {rows['runs']} runs, {rows['metrics']} rows of metrics, {len(artifacts)} files, "
        f"{len(new)} of them new ({sum(new.values()) / 2**20:.1f} MiB)"
    )
    outside = databases.outside(folder)
    if outside:
        say(f"not in it: the artifacts of {outside} runs, which lie outside the service's, as runs without a server do")
    return snapshot


def check(folder: Path, name: str = NEWEST) -> Snapshot:
    """Read every file of a snapshot again.

    Raises:
        ServiceError: there is no such snapshot, or files are missing or not what they were; names them.
    """
    snapshot = read(folder, name)
    at = folder / "snapshots" / snapshot.name
    wanted = {at / dump: sha256 for dump, sha256 in snapshot.databases.items()}
    wanted |= {_object(folder, kept.sha256): kept.sha256 for kept in snapshot.artifacts.values()}
    wrong = [str(path) for path, sha256 in wanted.items() if not path.is_file() or _digest(path) != sha256]
    if wrong:
        raise ServiceError(
            f"snapshot {snapshot.name}: {len(wrong)} of {len(wanted)} files are missing or damaged: "
            f"{', '.join(wrong[:5])}. Another snapshot may be whole: {', '.join(_names(folder))}"
        )
    return snapshot


def restore(config: RestoreConfig, say: Say = print) -> Snapshot:
    """Put a snapshot, when every file of it has been checked, into a service that is empty and not running.

    Raises:
        ServiceError: the snapshot is damaged, the service has runs or artifacts already, or cannot be written.
    """
    place = resolve(config)
    snapshot = check(config.backup, config.snapshot)
    files = open_files(place.artifacts)
    require_database(place)
    require_artifacts(place)
    databases.require_empty(place)
    if there := len(files.marks()):
        raise ServiceError(f"{place.artifacts} has {there} files already; restore into an empty folder or bucket")
    try:
        for path, kept in snapshot.artifacts.items():
            files.put(_object(config.backup, kept.sha256), path)
    except OSError as error:
        raise ServiceError(f"artifacts cannot be written: {error}") from error
    with reaching(place):
        databases.restore(config.backup / "snapshots" / snapshot.name, place)
    say(
        f"{place.shown}: {snapshot.rows['runs']} runs, {snapshot.rows['metrics']} rows of metrics, "
        f"{len(snapshot.artifacts)} files of {snapshot.name}"
    )
    return snapshot


def read(folder: Path, name: str = NEWEST) -> Snapshot:
    """What a snapshot holds.

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
        raise ServiceError(f"{manifest} is damaged: {error}. Move its folder away; other snapshots stand") from error
    if content.pop("layout") != LAYOUT:
        raise ServiceError(f"{folder} was written by another version of msl, whose layout this one does not know")
    kept = {path: Kept(one["sha256"], Mark(**one["mark"])) for path, one in content.pop("artifacts").items()}
    return Snapshot(artifacts=kept, **content)


def _newest(folder: Path) -> Snapshot | None:
    return read(folder) if _names(folder) else None


def _names(folder: Path) -> list[str]:
    return sorted(path.parent.name for path in folder.glob(f"snapshots/*/{_MANIFEST}"))


def _keep_all(files: Files, folder: Path, before: Mapping[str, Kept]) -> dict[str, Kept]:
    """Copy what is new or has changed; what is deleted meanwhile is left out."""
    artifacts = {}
    for path, mark in files.marks().items():
        known = before.get(path)
        if known is not None and known.mark == mark and _object(folder, known.sha256).is_file():
            artifacts[path] = known
        elif (kept := _keep(files, path, folder)) is not None:
            artifacts[path] = kept
    return artifacts


def _keep(files: Files, path: str, folder: Path) -> Kept | None:
    """Copy a file as it is at one moment."""
    for _ in range(_TRIES):
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
            return Kept(sha256, mark)
    raise ServiceError(f"artifact {path} changed {_TRIES} times while it was copied; try again when it is quiet")


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
