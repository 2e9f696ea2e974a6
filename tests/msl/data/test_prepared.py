"""Prepared copies: the bits of training without them, whatever happens to their files."""

import errno
import json
import logging
import os
import pickle
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from disks import small_disk
from PIL import Image

from msl.config import CopiesConfig
from msl.data import Prepared, PreparedTransform, Resized, Stream, TrainTransform, in_order, open_domain
from msl.data.prepared import CHECKSUMS, HEADER, SAMPLES, record_layout
from msl.inputs.checks import inspect_domain
from msl.inputs.prepared import prepared_images

COUNT = 7
SIZES = [((96, 54), (64, 36)), ((64, 40), (32, 20)), ((50, 30), (40, 20)), ((40, 20), (40, 20)), ((20, 16), (48, 24))]


def write_domain(folder: Path, size: tuple[int, int], count: int = COUNT) -> Path:
    """A domain of noise whose labels have ignored pixels and every class."""
    rng = np.random.default_rng(0)
    for kind in ("images", "labels"):
        (folder / kind).mkdir(parents=True, exist_ok=True)
    for index in range(count):
        shape = size[1], size[0]
        Image.fromarray(rng.integers(0, 256, (*shape, 3), np.uint8)).save(folder / "images" / f"{index}.png")
        label = rng.integers(0, 20, shape, np.uint8)
        Image.fromarray(np.where(label == 19, 255, label).astype(np.uint8)).save(folder / "labels" / f"{index}.png")
    file = folder / "noise.yaml"
    patterns = "{images: images/*.png, labels: labels/*.png}"
    file.write_text(f"name: noise\nroot: .\nids: train_ids\nsplits:\n  train: {patterns}\n  val: {patterns}\n")
    return file


def opened(file, labelled=True):
    return inspect_domain("source", open_domain(str(file), None, "train", labelled=labelled))


def copies(folder, num_workers=0):
    return CopiesConfig(cache=folder / "copies", num_workers=num_workers)


def only_folder(folder):
    (copy,) = (folder / "copies").iterdir()
    return copy


def batches(images, transform, count=12, num_workers=0):
    stream = Stream(images, transform, 2, seed=3, salt="source", num_workers=num_workers)
    read = [next(stream) for _ in range(count)]
    stream.close()
    return read


def assert_same(one, other):
    assert [batch.names for batch in one] == [batch.names for batch in other]
    for a, b in zip(one, other, strict=True):
        assert torch.equal(a.image, b.image)
        assert a.image.stride() == b.image.stride()  # a network may compute another last bit from another layout
        assert torch.equal(a.label, b.label)


@pytest.mark.parametrize(("original", "size"), SIZES)
@pytest.mark.parametrize("labelled", [True, False])
@pytest.mark.parametrize(("mirror", "blur"), [(True, True), (False, True), (True, False)])
def test_batches_are_equal_to_the_last_bit(original, size, labelled, mirror, blur, tmp_path):
    checked = opened(write_domain(tmp_path, original), labelled)
    prepared = prepared_images(checked, size, mirror, copies(tmp_path))
    plain = batches(checked.domain, TrainTransform(size, mirror, blur))
    assert_same(plain, batches(prepared, PreparedTransform(mirror, blur)))
    assert {255} <= set(torch.cat([batch.label for batch in plain]).unique().tolist())


def test_a_second_version_is_kept_only_where_mirroring_changes_the_pixels():
    assert record_layout((1280, 720), [(1914, 1052)], labelled=True, mirror=True).labels == 1
    assert record_layout((1024, 512), [(2048, 1024)], labelled=True, mirror=True).labels == 2
    assert record_layout((1024, 512), [(2048, 1024)], labelled=True, mirror=False).labels == 1
    layout = record_layout((1280, 640), [(2048, 1024)], labelled=False, mirror=True)
    assert (layout.images, layout.labels, layout.record_bytes) == (1, 0, 3 * 1280 * 640)


@pytest.mark.filterwarnings("ignore:This DataLoader will create")  # on a machine with two cores
def test_workers_and_another_process_read_the_same(tmp_path):
    checked = opened(write_domain(tmp_path, (64, 40)))
    prepared = prepared_images(checked, (32, 20), True, copies(tmp_path, num_workers=2))
    transform = PreparedTransform(mirror=True, blur=True)
    assert_same(batches(prepared, transform), batches(prepared, transform, num_workers=3))
    assert_same(batches(prepared, transform), batches(pickle.loads(pickle.dumps(prepared)), transform))


def test_scoring_takes_the_resized_image_and_the_whole_label(tmp_path):
    checked = opened(write_domain(tmp_path, (64, 40)))
    prepared = prepared_images(checked, (32, 20), False, copies(tmp_path), labelled=False)
    resize = Resized((32, 20))
    plain = list(in_order(checked.domain, resize, None, 0))
    for one, other in zip(plain, in_order(checked.domain, resize, None, 0, prepared), strict=True):
        assert torch.equal(one.images[0], other.images[0])
        assert one.images[0].stride() == other.images[0].stride()
        assert torch.equal(one.label, other.label)
        assert one.name == other.name


def test_a_copy_is_made_once_and_the_space_is_told_before(tmp_path, caplog, monkeypatch):
    caplog.set_level(logging.INFO, "msl")
    checked = opened(write_domain(tmp_path, (64, 40)))
    prepared_images(checked, (32, 20), True, copies(tmp_path))
    assert "noise/train at 32x20: 7 images are resized once and kept, 0.0 MB more in" in caplog.text
    monkeypatch.setattr(type(checked.domain), "__getitem__", None)  # no file is read any more
    again = prepared_images(checked, (32, 20), True, copies(tmp_path))
    assert again[0].image.shape == (1, 3, 20, 32)
    assert str(again).startswith("noise/train: 7 images, 0.0 MB in ")


def test_other_sizes_classes_and_data_have_other_copies(tmp_path, caplog):
    caplog.set_level(logging.INFO, "msl")
    file = write_domain(tmp_path, (64, 40))
    first = prepared_images(opened(file), (32, 20), True, copies(tmp_path))
    prepared_images(opened(file), (40, 20), True, copies(tmp_path))
    prepared_images(opened(file, labelled=False), (32, 20), True, copies(tmp_path))
    assert len(list((tmp_path / "copies").iterdir())) == 3
    Image.new("RGB", (64, 40), (200, 0, 0)).save(tmp_path / "images" / "0.png")
    os.utime(tmp_path / "images" / "0.png", ns=(0, 0))
    second = prepared_images(opened(file), (32, 20), True, copies(tmp_path))
    assert not torch.equal(first[0].image, second[0].image)
    assert "If no run needs them, delete" in caplog.text


def damaged(name, change):
    def damage(copy):
        content = (copy / name).read_bytes()
        (copy / name).write_bytes(change(content))

    return damage


DAMAGE = {
    "cut": damaged(SAMPLES, lambda content: content[:-1]),
    "longer": damaged(SAMPLES, lambda content: content + b"x"),
    "checksums": damaged(CHECKSUMS, lambda content: b"xxxx" + content[4:]),
    "checksums cut": damaged(CHECKSUMS, lambda content: content[:6]),
    "header": damaged(HEADER, lambda content: content[:20]),
    "count": damaged(HEADER, lambda content: json.dumps(json.loads(content) | {"count": 3}).encode()),
    "no samples": lambda copy: (copy / SAMPLES).unlink(),
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_a_damaged_copy_is_made_again(damage, tmp_path, caplog):
    checked = opened(write_domain(tmp_path, (64, 40)))
    prepared_images(checked, (32, 20), True, copies(tmp_path))
    whole = (only_folder(tmp_path) / SAMPLES).read_bytes()
    damage(only_folder(tmp_path))
    again = prepared_images(checked, (32, 20), True, copies(tmp_path))
    assert "the prepared copy of noise/train at 32x20 is damaged" in caplog.text
    assert (only_folder(tmp_path) / SAMPLES).read_bytes() == whole
    transform = PreparedTransform(mirror=True, blur=False)
    assert_same(batches(checked.domain, TrainTransform((32, 20), True, False)), batches(again, transform))


@pytest.mark.parametrize("num_workers", [0, 2])
@pytest.mark.parametrize("change", [lambda c: c[:100] + b"x" + c[101:], lambda c: c[:5000]], ids=["changed", "cut"])
def test_damage_while_training_changes_no_batch(change, num_workers, tmp_path, caplog):
    checked = opened(write_domain(tmp_path, (64, 40)))
    prepared = prepared_images(checked, (32, 20), True, copies(tmp_path))
    damaged(SAMPLES, change)(only_folder(tmp_path))
    read = batches(prepared, PreparedTransform(mirror=True, blur=False), num_workers=num_workers)
    assert_same(batches(checked.domain, TrainTransform((32, 20), True, False)), read)
    assert not (only_folder(tmp_path) / HEADER).exists()  # so the next run makes it again
    if not num_workers:
        assert "the prepared copy is damaged. The files of the data set are read instead" in caplog.text


@pytest.fixture
def disk(tmp_path):
    with small_disk(tmp_path / "copies", "64k") as folder:
        yield folder


@pytest.mark.parametrize("is_foreseen", [True, False])
def test_a_full_disk_is_told_and_left_as_it_was(is_foreseen, disk, tmp_path, caplog, monkeypatch):
    """The space is short before a byte is written, or somebody else takes it meanwhile."""
    checked = opened(write_domain(tmp_path, (64, 40), count=20))
    (disk / "other").write_bytes(bytes(24_000))
    if not is_foreseen:
        monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(10**9, 0, 10**9))
    assert prepared_images(checked, (32, 20), True, copies(tmp_path)) is None
    assert "is read from its files, which costs more time and changes nothing else" in caplog.text
    reason = "0.1 MB are needed, and 0.0 MB are free" if is_foreseen else os.strerror(errno.ENOSPC)
    assert f"{reason}. Pass another folder, or cache=none." in caplog.text
    assert [file.name for file in disk.rglob("*") if file.is_file()] == ["other", "lock"]


def test_a_disk_that_can_only_be_read(disk, tmp_path, caplog):
    checked = opened(write_domain(tmp_path, (64, 40)))
    prepared_images(checked, (32, 20), True, copies(tmp_path))
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    assert isinstance(prepared_images(checked, (32, 20), True, copies(tmp_path)), Prepared)
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert prepared_images(checked, (40, 20), True, copies(tmp_path)) is None
    assert "Read-only file system. Pass another folder, or cache=none." in caplog.text


def test_a_folder_that_cannot_be_made(tmp_path, caplog):
    checked = opened(write_domain(tmp_path, (64, 40)))
    (tmp_path / "copies").write_text("a file")
    assert prepared_images(checked, (32, 20), True, copies(tmp_path)) is None
    assert f"cache = {tmp_path / 'copies'}: noise/train at 32x20 is read from its files" in caplog.text


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written(tmp_path, caplog):
    checked = opened(write_domain(tmp_path, (64, 40)))
    (tmp_path / "copies").mkdir(mode=0o555)
    assert prepared_images(checked, (32, 20), True, copies(tmp_path)) is None
    assert "Permission denied. Pass another folder, or cache=none." in caplog.text


def test_files_that_change_while_they_are_prepared(tmp_path, caplog, monkeypatch):
    checked = opened(write_domain(tmp_path, (64, 40)))
    Image.new("RGB", (64, 40), (200, 0, 0)).save(tmp_path / "images" / "0.png")
    assert prepared_images(checked, (32, 20), True, copies(tmp_path)) is None
    assert "the files of the data set have changed while they were prepared" in caplog.text
    assert not (only_folder(tmp_path) / HEADER).exists()


MAKER = """
import sys, time
from pathlib import Path
sys.path[:0] = {tests!r}
from test_prepared import copies, opened
from msl.inputs.prepared import prepared_images
from msl.data.domain import Domain
from msl.console import set_up
set_up()
read = Domain.__getitem__
def slow(domain, index):
    time.sleep({pause})
    return read(domain, index)
Domain.__getitem__ = slow
print(prepared_images(opened({file!r}), (32, 20), True, copies(Path({folder!r}), num_workers={workers})))
"""


def maker(folder, file, pause, workers=1):
    tests = [str(Path(__file__).parent), str(Path(__file__).parents[2])]  # with the helpers of all tests
    script = MAKER.format(tests=tests, file=str(file), folder=str(folder), pause=pause, workers=workers)
    return subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def wait_for_records(folder, process, number):
    deadline = time.monotonic() + 120
    while sum(file.stat().st_size for file in folder.glob(f"copies/*/{CHECKSUMS}")) < 4 * number:
        assert process.poll() is None, process.stdout.read()
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_killed_copy_is_taken_over(tmp_path, caplog):
    caplog.set_level(logging.INFO, "msl")
    file = write_domain(tmp_path, (64, 40), count=12)
    with maker(tmp_path, file, pause=0.3) as process:
        wait_for_records(tmp_path, process, 3)
        process.send_signal(signal.SIGKILL)
    copy = only_folder(tmp_path)
    assert not (copy / HEADER).exists()
    done = (copy / CHECKSUMS).stat().st_size // 4
    with (copy / SAMPLES).open("ab") as samples:
        samples.write(b"half a record")
    checked = opened(file)
    prepared = prepared_images(checked, (32, 20), True, copies(tmp_path))
    assert f"12 images, {done} of which are there, are resized once" in caplog.text
    read = batches(prepared, PreparedTransform(mirror=True, blur=True))
    assert_same(batches(checked.domain, TrainTransform((32, 20), True, True)), read)


def test_a_second_process_waits_and_shares(tmp_path):
    file = write_domain(tmp_path, (64, 40), count=12)
    with maker(tmp_path, file, pause=0.3, workers=0) as first:
        wait_for_records(tmp_path, first, 1)
        first.send_signal(signal.SIGSTOP)
        with maker(tmp_path, file, pause=0, workers=0) as second:
            waiting = second.stdout.readline()
            first.send_signal(signal.SIGCONT)
            told = second.communicate(timeout=120)[0]
        first_told = first.communicate(timeout=120)[0]
    assert "noise/train at 32x20: another process prepares it, " in waiting
    assert "of 12 images are ready; waiting" in waiting
    assert told.startswith("noise/train: 12 images, ")
    assert "are resized once" in first_told
    assert "are resized once" not in told
    assert len(list((tmp_path / "copies").iterdir())) == 1
