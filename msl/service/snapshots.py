"""What a folder of backups holds, and which of it is whole.

    objects/ab/ab12…                  a file of artifacts by its SHA-256, stored once for all snapshots that have it
    snapshots/20260131T235959Z/       runs.db, accounts.db: the databases at one moment
                             manifest.json    written last: a snapshot without it is not complete
                             manifest.sha256  the signature: the SHA-256 of the manifest, which has all other digests

`sha256sum --check manifest.sha256` reads the signature, too.
"""

import errno
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from hashlib import file_digest, sha256
from pathlib import Path

from msl.errors import ServiceError
from msl.service.files import Mark

LAYOUT = 1
NEWEST = "newest"
_MANIFEST, _SIGNATURE = "manifest.json", "manifest.sha256"
_SHOWN = 5  # damaged files in a message


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


@dataclass(frozen=True)
class Verdict:
    """What a check says of a snapshot."""

    name: str
    is_whole: bool
    text: str  # one line


class Objects:
    """The files of all snapshots by their SHA-256; each is read at most once."""

    def __init__(self, folder: Path) -> None:
        """Those of a folder of backups."""
        self.folder = folder / "objects"
        self._whole: dict[str, bool] = {}

    def path(self, sha256: str) -> Path:
        """Where an object is, or would be."""
        return self.folder / sha256[:2] / sha256

    def is_whole(self, sha256: str) -> bool:
        """Whether the object exists and has its digest."""
        if sha256 not in self._whole:
            self._whole[sha256] = _has_digest(self.path(sha256), sha256)
        return self._whole[sha256]

    def put(self, copy: Path, sha256: str) -> bool:
        """Store a file of this digest unless it is stored and whole; gives whether a damaged one was replaced."""
        if self.is_whole(sha256):
            return False
        target = self.path(sha256)
        is_damaged = target.exists()
        target.parent.mkdir(exist_ok=True)
        sync(copy)
        anew = target.with_suffix(".part")
        anew.unlink(missing_ok=True)
        os.link(copy, anew)
        anew.replace(target)
        self._whole[sha256] = True
        return is_damaged


def write(folder: Path, snapshot: Snapshot) -> str:
    """Write the manifest of a snapshot, which makes it complete; gives its signature."""
    content = json.dumps({"layout": LAYOUT, **asdict(snapshot)}, indent=1)
    signature = sha256(content.encode()).hexdigest()
    place = _place(folder, snapshot.name)
    _write(place / _SIGNATURE, f"{signature}  {_MANIFEST}\n")
    _write(place / _MANIFEST, content)
    return signature


def signature(folder: Path, name: str) -> str:
    """The digest of digests of a snapshot, by what its manifest says now."""
    return digest(_place(folder, name) / _MANIFEST)


def names(folder: Path) -> list[str]:
    """The complete snapshots of a folder, the oldest first."""
    return sorted(path.parent.name for path in folder.glob(f"snapshots/*/{_MANIFEST}"))


def read(folder: Path, name: str = NEWEST) -> Snapshot:
    """A snapshot by its name.

    Raises:
        ServiceError: there is no such snapshot, or its manifest is damaged.
    """
    _require_one(folder)
    known = names(folder)
    if name not in (NEWEST, *known):
        raise ServiceError(f"snapshot = {name}: {folder} has {', '.join(known)}")
    manifest = _place(folder, known[-1] if name == NEWEST else name) / _MANIFEST
    try:
        content = json.loads(manifest.read_text())
    except (OSError, ValueError) as error:
        raise _damaged(manifest, error) from error
    if content.pop("layout") != LAYOUT:
        raise ServiceError(f"{folder} was written by another version of msl, whose layout this version cannot read")
    _require_signature(manifest)
    entries = content.pop("artifacts").items()
    artifacts = {path: StoredFile(entry["sha256"], Mark(**entry["mark"])) for path, entry in entries}
    return Snapshot(artifacts=artifacts, **content)


def check(folder: Path, name: str = NEWEST, objects: Objects | None = None) -> Snapshot:
    """Read every file of a snapshot and compare its checksum; `objects` remembers what was read for other snapshots.

    Raises:
        ServiceError: there is no such snapshot, or files are missing or damaged; the message names them.
    """
    snapshot, objects = read(folder, name), objects or Objects(folder)
    dumps = {_place(folder, snapshot.name) / dump: sha256 for dump, sha256 in snapshot.databases.items()}
    digests = {stored.sha256 for stored in snapshot.artifacts.values()}
    damaged = [str(path) for path, sha256 in dumps.items() if not _has_digest(path, sha256)]
    damaged += [str(objects.path(sha256)) for sha256 in sorted(digests) if not objects.is_whole(sha256)]
    if damaged:
        raise ServiceError(
            f"snapshot {snapshot.name}: {len(damaged)} of {len(dumps) + len(digests)} files are missing or damaged: "
            f"{', '.join(damaged[:_SHOWN])}. Try another snapshot: {', '.join(names(folder))}"
        )
    return snapshot


def check_all(folder: Path) -> list[Verdict]:
    """Check every snapshot, the newest first.

    Raises:
        ServiceError: there is no snapshot.
    """
    _require_one(folder)
    objects = Objects(folder)
    return [_judge(folder, name, objects) for name in reversed(names(folder))]


def newest_whole(folder: Path) -> tuple[Snapshot, list[str]]:
    """The newest snapshot that is whole, and the names of the newer ones, which are not.

    Raises:
        ServiceError: no snapshot is whole; the message is that of the newest.
    """
    _require_one(folder)
    damaged: list[Verdict] = []
    objects = Objects(folder)
    for name in reversed(names(folder)):
        verdict = _judge(folder, name, objects)
        if verdict.is_whole:
            return read(folder, name), [newer.name for newer in damaged]
        damaged.append(verdict)
    raise ServiceError(damaged[0].text)


def digest(path: Path) -> str:
    """The SHA-256 of a file."""
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()


def _has_digest(path: Path, sha256: str) -> bool:
    """Whether the file exists and has these bytes; one that the disk cannot read has not."""
    try:
        return path.is_file() and digest(path) == sha256
    except OSError as error:
        if error.errno != errno.EIO:
            raise
        return False


def sync(path: Path) -> None:
    """Wait until the disk has a file."""
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _require_one(folder: Path) -> None:
    if not names(folder):
        raise ServiceError(f"snapshot = {NEWEST}: {folder} has no snapshot")


def _judge(folder: Path, name: str, objects: Objects) -> Verdict:
    try:
        snapshot = check(folder, name, objects)
    except ServiceError as error:
        return Verdict(name, False, str(error))
    except OSError as error:
        return Verdict(name, False, f"snapshot {name} cannot be read: {error}")
    whole = f"{name} is whole: {len(snapshot.artifacts)} files and both databases"
    return Verdict(name, True, f"{whole}, signature {signature(folder, name)}")


def _require_signature(manifest: Path) -> None:
    """Compare the manifest with its signature; snapshots of older versions of msl have none."""
    file = manifest.with_name(_SIGNATURE)
    if file.exists() and file.read_text(errors="replace").partition(" ")[0] != digest(manifest):
        raise _damaged(manifest, f"its SHA-256 is not the one in {_SIGNATURE}")


def _damaged(manifest: Path, reason: object) -> ServiceError:
    return ServiceError(f"{manifest} is damaged: {reason}. Move its folder away; the other snapshots can be used")


def _place(folder: Path, name: str) -> Path:
    return folder / "snapshots" / name


def _write(path: Path, content: str) -> None:
    part = path.with_suffix(".part")
    part.write_text(content)
    sync(part)
    part.rename(path)
