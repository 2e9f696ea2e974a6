"""What is wrong with files is found before training, and remembered."""

import os

import data_factory as factory
import numpy as np
import pytest

from msl.data import open_domain
from msl.errors import DataError
from msl.labels import CAMVID_IDS


@pytest.fixture
def root(tmp_path):
    return factory.camvid(tmp_path)


def first(root, folder="train"):
    return root / "camvid" / folder / "0016E5_00000.png"


@pytest.mark.parametrize(
    ("break_it", "message"),
    [
        (
            lambda root: first(root).write_bytes(first(root).read_bytes()[:-100]),
            r"train/0016E5_00000.png: cannot be",
        ),
        (lambda root: first(root).write_bytes(b"GIF89a, not quite"), r"train/0016E5_00000.png: cannot be"),
        (lambda root: first(root).unlink(), r"train/0016E5_00000.png: no such file"),
        (lambda root: first(root, "trainannot").unlink(), r"trainannot/0016E5_00000.png \(label of .*\): no such file"),
        (
            lambda root: factory.save(factory.label(0, list(CAMVID_IDS), (20, 24)), first(root, "trainannot")),
            r"the label is 20x24, its image 40x24 \(width x height\)",
        ),
        (
            lambda root: factory.save(factory.label(0, [3, 77]), first(root, "trainannot")),
            r"trainannot/0016E5_00000.png: ids \[77\] are not defined",
        ),
        (
            lambda root: factory.save(factory.picture(0), first(root, "trainannot")),
            r"a label has one 8-bit id a pixel .*mode RGB",
        ),
    ],
)
def test_a_bad_file_is_named_before_training(root, break_it, message):
    break_it(root)
    with pytest.raises(DataError, match=message):
        open_domain("camvid", root, "train").inspect()


def test_the_same_is_refused_when_a_sample_is_read(root):
    factory.save(factory.label(0, [3, 77]), first(root, "trainannot"))
    with pytest.raises(DataError, match=r"its label has ids \[77\], which camvid does not define"):
        open_domain("camvid", root, "train")[0]
    factory.save(factory.label(0, [3], (20, 24)), first(root, "trainannot"))
    with pytest.raises(DataError, match=r"the image is 40x24, its label 20x24"):
        open_domain("camvid", root, "train")[0]


def test_many_problems_are_counted_and_the_first_named(root):
    for path in (root / "camvid/train").iterdir():
        path.unlink()
    for path in (root / "camvid/trainannot").iterdir():
        path.unlink()
    with pytest.raises(DataError, match=r"camvid/train: 10 problems in 5 samples[^…]*… and 5 more"):
        open_domain("camvid", root, "train").inspect()


def test_the_digest_is_of_the_content(root):
    domain = open_domain("camvid", root, "train")
    before = domain.inspect()
    os.utime(first(root))
    assert domain.inspect() == before
    label = np.full((24, 40), 3, np.uint8)
    factory.save(label, first(root, "trainannot"))
    assert domain.inspect() != before


def test_an_unlabelled_domains_digest_does_not_depend_on_labels(root):
    domain = open_domain("camvid", root, "train", labelled=False)
    before = domain.inspect()
    factory.save(np.full((24, 40), 3, np.uint8), first(root, "trainannot"))
    assert domain.inspect() == before


def test_a_file_is_decoded_once(root, monkeypatch):
    looked = []
    from msl.data import inspection

    look = inspection._look
    monkeypatch.setattr(inspection, "_look", lambda path, decode: looked.append(path) or look(path, decode))
    domain = open_domain("camvid", root, "train")
    first_digest = domain.inspect()
    assert len(looked) == 10
    assert domain.inspect() == first_digest
    assert len(looked) == 10
    os.utime(first(root), (1, 1))
    domain.inspect()
    assert looked[10:] == [first(root)]


def test_without_a_place_for_the_cache_everything_still_works(root, monkeypatch, tmp_path):
    (tmp_path / "file").touch()
    monkeypatch.setenv("MSL_CACHE", str(tmp_path / "file" / "cache"))
    assert len(open_domain("camvid", root, "train").inspect()) == 64
