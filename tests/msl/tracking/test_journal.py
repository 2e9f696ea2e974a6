"""A journal keeps every record that damage does not hit, and says what it hits."""

import os
import random
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import REPOSITORY

from msl.errors import TrackingError
from msl.tracking import journal
from msl.tracking.journal import Journal, Reader, segments

CONTENTS = [{"kind": "rows", "step": step, "values": {"loss": step / 3, "größe": 1e300}} for step in range(12)]


@pytest.fixture
def folder(tmp_path):
    """A journal with all the contents."""
    book = Journal(tmp_path / "journal")
    for content in CONTENTS:
        book.append(content)
    book.close()
    return book.folder


def read(folder):
    reader = Reader(folder)
    return [record.content for record in reader.new()], reader.damage


def test_what_is_appended_is_read_in_order_with_numbers(folder):
    records = list(Reader(folder).new())
    assert [record.content for record in records] == CONTENTS
    assert [record.number for record in records] == list(range(1, 13))


def test_a_reader_follows_a_writer(tmp_path):
    book = Journal(tmp_path)
    reader = Reader(tmp_path)
    for content in CONTENTS:
        book.append(content)
        assert [record.content for record in reader.new()] == [content]
    assert list(reader.new()) == []


def test_a_second_process_continues_the_numbers(folder):
    book = Journal(folder)
    assert book.append({"kind": "more"}) == 13
    assert len(segments(folder)) == 2
    assert read(folder)[0] == [*CONTENTS, {"kind": "more"}]


def test_a_long_journal_has_several_files(tmp_path, monkeypatch):
    monkeypatch.setattr(journal, "_SEGMENT_BYTES", 300)
    book = Journal(tmp_path)
    for content in CONTENTS:
        book.append(content)
    assert len(segments(tmp_path)) > 3
    assert read(tmp_path) == (CONTENTS, [])


def test_truncated_at_every_byte_it_keeps_the_whole_records(folder):
    (file,) = segments(folder)
    content = file.read_bytes()
    ends = [at + 1 for at, byte in enumerate(content) if byte == ord("\n")]
    for length in range(len(content)):
        file.write_bytes(content[:length])
        records, damage = read(folder)
        whole = sum(end - 1 <= length for end in ends)  # the last byte of a record only ends its line
        assert records == CONTENTS[:whole]
        assert not damage  # the line may still grow
        book = Journal(folder)  # but not after another process has gone on
        book.close()
        assert bool(read(folder)[1]) == (length not in (0, *ends, *[end - 1 for end in ends]))
        segments(folder)[1].unlink()


def test_a_flipped_bit_costs_one_record_and_is_named(folder):
    (file,) = segments(folder)
    content = bytearray(file.read_bytes())
    choice = random.Random(0)
    for _ in range(1000):
        at, bit = choice.randrange(len(content)), 1 << choice.randrange(8)
        content[at] ^= bit
        file.write_bytes(content)
        Journal(folder).close()
        records, damage = read(folder)
        assert len(records) >= len(CONTENTS) - 1
        assert [record for record in records if record not in CONTENTS] == []
        if len(records) < len(CONTENTS):
            assert damage[0].offset <= at < damage[0].offset + damage[0].length
            assert str(file) in str(damage[0])
        content[at] ^= bit
        segments(folder)[1].unlink()


def test_a_journal_of_another_version_is_named(folder):
    (file,) = segments(folder)
    file.write_bytes(file.read_bytes().replace(b"v1 ", b"v7 ", 1))
    records, damage = read(folder)
    assert records == CONTENTS[1:]
    assert "version 7" in damage[0].reason


def test_on_a_full_disk_the_journal_stays_whole_and_the_end_still_fits(small_disk):
    book = Journal(small_disk)
    count = 0
    with pytest.raises(TrackingError, match=r"No space left on device. Free space there, or set MSL_WORK"):
        while True:
            book.append({"kind": "rows", "text": "x" * 1000})
            count += 1
    with pytest.raises(TrackingError, match="No space"):
        book.append({"kind": "tags", "text": "x" * 1000})
    assert book.append({"kind": "end", "text": "y" * 1000}, last=True) == count + 1
    records, damage = read(small_disk)
    assert [record["kind"] for record in records] == ["rows"] * count + ["end"]
    assert not damage


def test_a_process_that_is_killed_leaves_what_it_appended(tmp_path):
    code = (
        "import os, signal; from pathlib import Path; from msl.tracking.journal import Journal\n"
        f"book = Journal(Path({str(tmp_path)!r}))\n"
        "for step in range(500): book.append({'kind': 'rows', 'step': step})\n"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    subprocess.run([sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": str(REPOSITORY)}, check=False)
    assert [record["step"] for record in read(tmp_path)[0]] == list(range(500))


def test_a_folder_that_cannot_be_written(tmp_path):
    Path(tmp_path / "file").write_text("")
    with pytest.raises(TrackingError, match="cannot be written"):
        Journal(tmp_path / "file" / "journal")
