"""What is wrong with files is found before training, and remembered."""

import os
from dataclasses import replace

import data_factory as factory
import numpy as np
import pytest

from msl.data import inspection, open_domain
from msl.errors import DataError
from msl.labels import CAMVID_IDS


@pytest.fixture
def root(tmp_path):
    return factory.camvid(tmp_path)


@pytest.fixture
def looked(monkeypatch):
    """Names of the files that are read and decoded."""
    names, look = [], inspection._look
    monkeypatch.setattr(inspection, "_look", lambda path, decode: names.append(path.name) or look(path, decode))
    return names


def first(root, folder="train"):
    return root / "camvid" / folder / "0016E5_00000.png"


def inspect(root, split="train", labelled=True):
    return open_domain("camvid", root, split, labelled=labelled).inspect()


@pytest.mark.parametrize(
    ("break_it", "kind", "file", "detail"),
    [
        (lambda i, _: i.write_bytes(i.read_bytes()[:-100]), "unreadable", "train", "cannot be read: "),
        (lambda i, _: i.write_bytes(b"GIF89a, not quite"), "unreadable", "train", "cannot be read: "),
        (lambda i, _: i.unlink(), "missing", "train", "no such file"),
        (lambda i, _: (i.unlink(), i.mkdir()), "unreadable", "train", "cannot be read: [Errno 21] Is a directory"),
        (lambda _, lb: lb.unlink(), "missing", "trainannot", "no such file (label of 0016E5_00000.png)"),
        (
            lambda _, lb: factory.save(factory.label(0, list(CAMVID_IDS), (20, 24)), lb),
            *("size mismatch", "trainannot", "the label is 20x24, its image 40x24 (width x height)"),
        ),
        (
            lambda _, lb: factory.save(factory.label(0, [3, 77]), lb),
            *("unknown ids", "trainannot", "ids [77] are not defined for this data set ([0, 1, 2, "),
        ),
        (
            lambda _, lb: factory.save(factory.label(0, [11]), lb),
            *("no class", "trainannot", "the label has no class that counts, only ids [11], which are ignored"),
        ),
        (
            lambda _, lb: factory.save(factory.picture(0), lb),
            *(
                "unreadable",
                "trainannot",
                "cannot be read: it has mode RGB: save it with one id per pixel",
            ),
        ),
        (lambda i, _: factory.save(factory.picture(0) // 16, i), "black", "train", "the image is black"),
    ],
)
def test_a_bad_file_is_named(root, break_it, kind, file, detail):
    break_it(first(root), first(root, "trainannot"))
    report = inspect(root)
    (problem,) = report.problems
    assert (problem.sample, problem.kind, problem.file) == ("train/0016E5_00000", kind, str(first(root, file)))
    assert problem.detail.startswith(detail)
    assert (report.count, report.unusable, len(report.usable)) == (5, 1, 4)


def test_the_same_is_refused_when_a_sample_is_read(root):
    factory.save(factory.label(0, [3, 77]), first(root, "trainannot"))
    with pytest.raises(DataError, match=r"its label has ids \[77\], which camvid does not define"):
        open_domain("camvid", root, "train")[0]
    factory.save(factory.label(0, [3], (20, 24)), first(root, "trainannot"))
    with pytest.raises(DataError, match=r"the image is 40x24, its label 20x24"):
        open_domain("camvid", root, "train")[0]


def test_an_image_with_a_few_lights_is_a_night(root):
    dark = np.zeros((24, 40, 3), np.uint8)
    dark[3, 4] = 200  # 3 of 2880 values, just over one in a thousand
    factory.save(dark, first(root))
    assert inspect(root).problems == []
    dark[3, 4, 1:] = 0
    factory.save(dark, first(root))
    assert [problem.kind for problem in inspect(root).problems] == ["black"]


def test_a_label_may_have_no_class_in_one_label_set_and_some_in_another(tmp_path):
    root = factory.gta5(tmp_path)
    factory.save_palette(factory.label(0, [27]), root / "GTA5/labels/00001.png")  # a wall of trucks
    assert open_domain("gta5", root, "train").inspect().problems == []
    (problem,) = open_domain("gta5", root, "train", "crosscity13").inspect().problems
    assert (problem.sample, problem.kind) == ("00001", "no class")


def test_everything_known_to_be_wrong_with_gta5_is_found_and_nothing_else(tmp_path):
    expected = factory.damaged_gta5(tmp_path, good=4)
    report = open_domain("gta5", tmp_path, "train").inspect()
    assert {problem.sample: problem.kind for problem in report.problems} == expected
    assert report.kinds() == (
        "2 missing, 1 unreadable, 1 size mismatch, 1 odd size, 1 black, 1 unknown ids, 1 no class"
    )
    assert [report.usable.name(i) for i in range(len(report.usable))] == ["00001", "00002", "00003", "00004"]
    assert report.sizes == {(40, 24): 9, (40, 20): 1}
    assert open_domain("gta5", tmp_path, "val").inspect().problems == []


def test_images_of_several_sizes_are_no_problem_elsewhere(root):
    factory.save(factory.picture(0, (30, 20)), first(root))
    factory.save(factory.label(0, [3], (30, 20)), first(root, "trainannot"))
    report = inspect(root)
    assert report.problems == []
    assert report.sizes == {(40, 24): 4, (30, 20): 1}


def test_pixels_are_counted_by_train_id_over_usable_labels(root):
    paths = sorted((root / "camvid/trainannot").iterdir())
    for path in paths:
        factory.save(np.full((24, 40), 3, np.uint8), path)
    half = np.full((24, 40), 11, np.uint8)
    half[:12] = 5
    factory.save(half, paths[0])
    paths[1].unlink()
    assert inspect(root).pixels == {3: 3 * 960, 5: 480, 255: 480}
    assert inspect(root, labelled=False).pixels == {}


def test_many_problems_are_counted_and_the_first_named(root):
    for path in [*(root / "camvid/train").iterdir(), *(root / "camvid/trainannot").iterdir()]:
        path.unlink()
    report = inspect(root)
    assert (report.unusable, report.kinds()) == (5, "10 missing")
    lines = report.named(3)
    assert len(lines) == 4
    assert lines[0] == f"{first(root)}: no such file"
    assert lines[3] == "… and 7 more"


def test_the_digest_is_of_the_content(root):
    before = inspect(root).digest
    os.utime(first(root))
    assert inspect(root).digest == before
    factory.save(np.full((24, 40), 3, np.uint8), first(root, "trainannot"))
    assert inspect(root).digest != before


def test_the_digest_is_of_what_is_usable(root):
    whole = open_domain("camvid", root, "train")
    without_first = replace(whole.samples, pairs=whole.samples.pairs[1:])
    expected = replace(whole, samples=without_first).inspect().digest
    first(root).write_bytes(b"")
    report = inspect(root)
    assert report.digest == expected
    assert replace(whole, samples=report.usable).inspect().digest == expected


def test_an_unlabelled_domains_digest_does_not_depend_on_labels(root):
    before = inspect(root, labelled=False).digest
    factory.save(np.full((24, 40), 3, np.uint8), first(root, "trainannot"))
    assert inspect(root, labelled=False).digest == before


def test_a_file_is_decoded_once(root, looked):
    before = inspect(root)
    assert len(looked) == 10
    assert inspect(root) == before
    assert len(looked) == 10
    os.utime(first(root), (1, 1))
    inspect(root)
    assert looked[10:] == [first(root).name]


def test_a_damaged_file_is_remembered_and_looked_at_again_once_it_changes(root, looked):
    sound = first(root).read_bytes()
    first(root).write_bytes(sound[:-100])
    problems = inspect(root).problems
    assert inspect(root).problems == problems != []
    assert len(looked) == 10
    first(root).write_bytes(sound)
    assert inspect(root).problems == []
    assert looked[10:] == [first(root).name]


def test_what_may_pass_is_not_remembered(root, looked):
    def starving(data):
        raise MemoryError

    domain = open_domain("camvid", root, "train")
    starved = replace(domain, samples=replace(domain.samples, decode_label=starving))
    assert starved.inspect().kinds() == "5 unreadable"
    first(root).unlink()
    assert starved.inspect().kinds() == "1 missing, 5 unreadable"
    assert len(looked) == 10 + 6


def test_without_a_place_for_the_cache_everything_still_works(root, monkeypatch, tmp_path):
    (tmp_path / "file").touch()
    monkeypatch.setenv("MSL_CACHE", str(tmp_path / "file" / "cache"))
    assert len(inspect(root).digest) == 64


def test_generated_samples_have_nothing_to_check():
    domain = open_domain("streets", split="val")
    report = domain.inspect()
    assert (report.count, report.usable, report.problems) == (100, domain.samples, ())
    assert report.sizes == {(256, 128): 100}
