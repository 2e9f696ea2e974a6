"""A flipped bit or a lost tail never passes: checkpoints as msl writes them, and as older versions and others did."""

import random
import zipfile

import pytest
import torch

from msl.checkpoints import About, Checkpoint, read, write
from msl.errors import CheckpointError
from msl.seals import broken_parts, broken_seal, seal
from msl.weights import load_file


@pytest.fixture
def path(tmp_path):
    """A small checkpoint with every kind of entry."""
    torch.manual_seed(0)
    weights = {"conv": torch.randn(6, 3, 3, 3), "norm": torch.randn(6), "counter": torch.tensor(5)}
    path = tmp_path / "last.pt"
    write(path, Checkpoint(about=About(group="g", stage="pretrain", settings={"lr": 0.1}), step=3, weights=weights))
    return path


def loads(path, content):
    """Whether a file of that content is loaded."""
    path.write_bytes(content)
    try:
        return bool(load_file(path))
    except CheckpointError:
        return False


def test_none_of_1000_flipped_bits_is_loaded(path):
    whole, flips = path.read_bytes(), random.Random(0)
    for place in flips.sample(range(8 * len(whole)), 1000):
        content = bytearray(whole)
        content[place // 8] ^= 1 << place % 8
        assert not loads(path, content), f"bit {place} of {8 * len(whole)}"
    assert loads(path, whole)


def test_no_flipped_bit_of_the_seal_and_of_the_ends_is_loaded(path):
    whole = path.read_bytes()
    for place in (*range(8 * 8), *range(8 * (len(whole) - 110), 8 * len(whole))):
        content = bytearray(whole)
        content[place // 8] ^= 1 << place % 8
        assert not loads(path, content), f"bit {place} of {8 * len(whole)}"


def test_no_part_of_a_file_is_loaded(path):
    whole = path.read_bytes()
    sizes = {*range(0, len(whole), 37), *range(len(whole) - 200, len(whole))}
    for size in sizes:
        assert not loads(path, whole[:size]), f"{size} of {len(whole)} bytes"
    assert not loads(path, whole + b"\0")
    assert not loads(path, whole + whole)


def test_torch_and_other_readers_of_zip_archives_take_a_sealed_file(path):
    content = load_file(path)
    for options in ({}, {"mmap": True}):
        again = torch.load(path, weights_only=True, **options)
        assert all(torch.equal(again["weights"][name], value) for name, value in content["weights"].items())
    with path.open("rb") as file:
        assert torch.load(file, weights_only=True)["step"] == 3
    assert zipfile.ZipFile(path).testzip() is None
    with pytest.raises(ValueError, match="last.pt is no zip archive without a comment"):
        seal(path)


def test_a_copy_under_another_name_is_proved_too(path, tmp_path):
    copy = tmp_path / "renamed.bin"
    copy.write_bytes(path.read_bytes())
    assert read(copy).step == 3
    content = bytearray(copy.read_bytes())
    content[len(content) // 2] ^= 1
    copy.write_bytes(content)
    with pytest.raises(CheckpointError, match="renamed.bin cannot be read: damaged, .* its SHA-256 says: copy or"):
        read(copy)


def test_a_file_of_an_older_version_is_proved_by_its_parts(path):
    content = load_file(path)
    torch.save(content, path)  # as msl did before it sealed
    whole = path.read_bytes()
    assert broken_seal(path) is None
    assert broken_parts(path) is None
    assert read(path).step == 3
    values = content["weights"]["conv"].numpy().tobytes()
    for bit in range(0, 8 * len(values), 13):  # nothing but the CRC-32 can tell that these have changed
        flipped = bytearray(whole)
        flipped[whole.index(values) + bit // 8] ^= 1 << bit % 8
        path.write_bytes(flipped)
        with pytest.raises(CheckpointError, match="as the CRC-32 of its part last/data/0 says"):
            read(path)
    for size in range(0, len(whole), 101):
        assert not loads(path, whole[:size])


def test_the_oldest_files_of_torch_are_read(path):
    """They are no zip archives, so nothing in them proves anything."""
    torch.save({"weight": torch.ones(2)}, path, _use_new_zipfile_serialization=False)
    assert broken_seal(path) is None
    assert broken_parts(path) is None
    assert torch.equal(load_file(path)["weight"], torch.ones(2))
    with pytest.raises(ValueError, match="no zip archive"):
        seal(path)
