"""Power cuts: what code does to a folder is recorded, and replayed cut off at every point.

At each call that writes, syncs, renames, links or deletes, the folder is looked at. After a power cut at that moment
the disk has of each file what was synced; of what was not, it may have all, nothing, a part, or zeros. A folder has its
names as they were when it was synced, or as at any moment since: file systems with a journal keep the order of names.
"""

import os
import random
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import wraps
from itertools import product
from pathlib import Path
from typing import Any

import pytest

_CALLS = ("open", "write", "ftruncate", "fsync", "replace", "rename", "unlink", "link", "mkdir")
_BLOCK_BYTES = 64  # a small one, so that short files have several
_LUCKS = 4  # random fates of what was not synced, at each moment

Names = Mapping[str, int]  # of the entries of a folder, with their inodes


@dataclass(frozen=True)
class Moment:
    """What a power cut at a moment finds."""

    call: str
    is_folder: Mapping[int, bool]
    names: Mapping[int, list[Names]]  # of each folder: those that are synced, and all later ones
    synced: Mapping[int, bytes]  # content of each file
    written: Mapping[int, bytes]
    done: int  # what the code has been promised; see `Recording.done`

    def disks(self, root: int, luck: random.Random) -> Iterator[dict[str, bytes | None]]:
        """The possible contents of the disk: content by path, None for a folder."""
        folders = list(self.names)
        fates: list[Callable[[bytes, bytes], bytes]] = [lambda old, new: old, lambda old, new: new]
        fates += [lambda old, new: _partly(old, new, luck)] * _LUCKS
        for states in product(*({_frozen(names): names for names in self.names[f]}.values() for f in folders)):
            listing = dict(zip(folders, states, strict=True))
            for fate in fates:
                yield dict(self._files(root, "", listing, fate))

    def _files(
        self, folder: int, path: str, listing: Mapping[int, Names], fate: Callable[[bytes, bytes], bytes]
    ) -> Iterator[tuple[str, bytes | None]]:
        for name, inode in listing.get(folder, {}).items():
            if self.is_folder[inode]:
                yield path + name, None
                yield from self._files(inode, f"{path}{name}/", listing, fate)
            else:
                yield path + name, fate(self.synced.get(inode, b""), self.written[inode])


def _frozen(names: Names) -> frozenset[tuple[str, int]]:
    return frozenset(names.items())


def _partly(old: bytes, new: bytes, luck: random.Random) -> bytes:
    """Some blocks of what was not synced are zeros, and its end may be missing."""
    common = next((at for at, (a, b) in enumerate(zip(old, new, strict=False)) if a != b), min(len(old), len(new)))
    end = luck.randint(common, max(common, len(new)))
    blocks = [new[at : min(at + _BLOCK_BYTES, end)] for at in range(common, end, _BLOCK_BYTES)]
    return new[:common] + b"".join(block if luck.random() < 0.6 else bytes(len(block)) for block in blocks)


class Recording:
    """The moments of a folder while a block runs."""

    def __init__(self, root: Path) -> None:
        self.root, self.moments = root, list[Moment]()
        self.done = 0  # the test counts here what has returned: a power cut must not take it back
        self._names: dict[int, list[Names]] = {}
        self._synced: dict[int, bytes] = {}
        self._look("begin")

    def _look(self, call: str) -> None:
        files = [path for path in self.root.rglob("*") if not path.is_symlink()]
        is_folder = {path.stat().st_ino: path.is_dir() for path in (self.root, *files)}
        self._synced = {inode: content for inode, content in self._synced.items() if inode in is_folder}
        for folder in [self.root, *(path for path in files if path.is_dir())]:
            names = {path.name: path.stat().st_ino for path in folder.iterdir()}
            states = self._names.setdefault(folder.stat().st_ino, [{}])
            if states[-1] != names:
                states.append(names)
        self._names = {inode: states for inode, states in self._names.items() if inode in is_folder}
        every = {inode for states in self._names.values() for names in states for inode in names.values()}
        earlier = self.moments[-1] if self.moments else None
        written = {path.stat().st_ino: path.read_bytes() for path in files if path.is_file()}
        for inode in every - is_folder.keys():  # deleted, but perhaps not on the disk
            is_folder[inode] = earlier.is_folder[inode] if earlier else False
            written[inode] = earlier.written[inode] if earlier else b""
            self._synced[inode] = earlier.synced.get(inode, b"") if earlier else b""
        names = {inode: list(states) for inode, states in self._names.items()}
        self.moments.append(Moment(call, is_folder, names, dict(self._synced), written, self.done))

    def after(self, call: str, arguments: tuple[Any, ...]) -> None:
        """Called after a call of the system."""
        if call == "fsync":
            path = Path(f"/proc/self/fd/{arguments[0]}").readlink()
            inode = os.fstat(arguments[0]).st_ino
            if path.is_dir():
                self._names[inode] = [{entry.name: entry.stat().st_ino for entry in path.iterdir()}]
            else:
                self._synced[inode] = path.read_bytes()
        self._look(call)

    def disks(self, folder: Path, seed: int = 0) -> Iterator[tuple[Moment, Path]]:
        """Every moment with every disk that a power cut may leave, made in a folder."""
        luck, root = random.Random(seed), self.root.stat().st_ino
        for moment in self.moments:
            made: list[dict[str, bytes | None]] = []
            for disk in moment.disks(root, luck):
                if disk not in made:
                    made.append(disk)
                    yield moment, _made(disk, folder)


def _made(disk: Mapping[str, bytes | None], folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for path, content in disk.items():
        if content is None:
            (folder / path).mkdir()
        else:
            (folder / path).write_bytes(content)
    return folder


@contextmanager
def recording(root: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Recording]:
    """Record what is done to a folder within this block."""
    record = Recording(root)

    def recorded(name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(call)
        def wrapper(*arguments: Any, **more: Any) -> Any:
            result = call(*arguments, **more)
            with monkeypatch.context() as plain:
                for other, original in originals.items():
                    plain.setattr(os, other, original)
                record.after(name, arguments)
            return result

        return wrapper

    originals = {name: getattr(os, name) for name in _CALLS}
    with monkeypatch.context() as patch:
        for name, call in originals.items():
            patch.setattr(os, name, recorded(name, call))
        yield record
