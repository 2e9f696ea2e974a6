"""A disk that is full at any write: the journal and the checkpoints stay whole, and the end of a run still fits."""

import itertools
import os

import pytest
import torch

from msl.checkpoints import newest_whole, previous_generation, write_generation
from msl.checkpoints.checkpoint import About, Checkpoint
from msl.errors import CheckpointError, TrackingError
from msl.tracking.journal import Journal, Reader

PAGE = 4096


def fill(disk, pages):
    """Leave so many pages of a file system free."""
    free = os.statvfs(disk)
    (disk / "filler").write_bytes(bytes(max(0, free.f_bavail * free.f_bsize - pages * PAGE)))


def checkpoint_of(step):
    weights = {"layer": torch.full((50, 50), float(step))}
    return Checkpoint(about=About(group="full"), step=step, weights=weights)


def test_a_checkpoint_on_a_disk_that_is_full_at_any_write(small_disk):
    failures = 0
    for pages in itertools.count():
        for old in small_disk.iterdir():
            old.unlink()
        path = small_disk / "last.pt"
        for step in (1, 2):
            write_generation(path, checkpoint_of(step), is_trusted=True)
        fill(small_disk, pages)
        try:
            write_generation(path, checkpoint_of(3), is_trusted=True)
        except CheckpointError:
            failures += 1
            assert newest_whole([path, previous_generation(path)]).step == 2
        else:
            assert newest_whole([path, previous_generation(path)]).step == 3
            break
        assert sorted(file.name for file in small_disk.iterdir()) == ["filler", "last.previous.pt", "last.pt"]
    assert failures >= 3


def test_a_journal_on_a_disk_that_is_full_at_any_write(small_disk):
    for pages in range(20):
        folder = small_disk / "journal"
        fill(small_disk, pages)
        written = 0
        try:
            book = Journal(folder)
        except TrackingError:
            assert pages < 17  # the reserve needs 16
        else:
            with pytest.raises(TrackingError, match="No space"):
                while True:
                    book.append({"kind": "rows", "text": "x" * 999})
                    written += 1
            assert book.append({"kind": "end", "text": "y" * 5000}, last=True) == written + 1
            book.close()
            reader = Reader(folder)
            assert [record.content["kind"] for record in reader.new()] == ["rows"] * written + ["end"]
            assert not reader.damage
        for file in (*folder.glob("*"), small_disk / "filler"):
            file.unlink()
