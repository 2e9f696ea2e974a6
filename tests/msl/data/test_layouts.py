"""Each published layout, written by the data factory and read back."""

import data_factory as factory
import numpy as np
import pytest
import torch

from msl.data import open_domain
from msl.errors import ConfigError, DataError, UnlabelledError
from msl.labels import CAMVID_IDS, CITYSCAPES_IDS, SYNTHIA_IDS, find_label_set

LAYOUTS = {
    "camvid": (factory.camvid, {"train": 5, "val": 2, "test": 2}, CAMVID_IDS),
    "camvid_day": (factory.camvid, {"train": 3, "val": 2}, CAMVID_IDS),
    "camvid_dusk": (factory.camvid, {"train": 2, "val": 2}, CAMVID_IDS),
    "cityscapes": (factory.cityscapes, {"train": 2, "val": 2}, CITYSCAPES_IDS),
    "gta5": (factory.gta5, {"train": 2, "val": 2}, CITYSCAPES_IDS),
    "synthia": (factory.synthia, {"train": 20, "val": 1}, SYNTHIA_IDS),
    "crosscity_rome": (factory.crosscity, {"val": 2}, CITYSCAPES_IDS),
}


@pytest.mark.parametrize("name", LAYOUTS)
def test_every_split_of_a_layout(name, tmp_path):
    write, splits, ids = LAYOUTS[name]
    root = write(tmp_path)
    for split, count in splits.items():
        domain = open_domain(name, root, split)
        assert len(domain) == count
        assert len({domain[i].name for i in range(count)}) == count
        for i in range(count):
            sample = domain[i]
            assert sample.image.shape == (3, 24, 40)
            assert (sample.image.dtype, sample.label.dtype) == (torch.uint8, torch.uint8)
            assert sample.label.shape == (24, 40)
            assert set(sample.label.unique().tolist()) == {*range(len(domain.label_set)), 255}
        report = domain.inspect()
        assert (report.problems, len(report.usable), len(report.digest)) == ([], count, 64)
    assert domain.ids == ids


def test_image_and_label_belong_together(tmp_path):
    domain = open_domain("gta5", factory.gta5(tmp_path), "train")
    sample = domain[1]
    assert (sample.image.permute(1, 2, 0).numpy() == factory.picture(2)).all()
    table = np.frombuffer(find_label_set("cityscapes19").table(CITYSCAPES_IDS), np.uint8)
    assert (sample.label.numpy() == table[factory.label(2, sorted(CITYSCAPES_IDS))]).all()


def test_camvid_day_and_dusk_are_disjoint_and_all_of_camvid(tmp_path):
    root = factory.camvid(tmp_path)
    names = [
        {open_domain(d, root, "train")[i].name for i in range(n)} for d, n in (("camvid_day", 3), ("camvid_dusk", 2))
    ]
    assert not names[0] & names[1]
    assert names[0] | names[1] == {open_domain("camvid", root, "train")[i].name for i in range(5)}


def test_camvid_in_cityscapes_classes(tmp_path):
    domain = open_domain("camvid", factory.camvid(tmp_path), "val", "cityscapes19")
    assert domain.label_set.name == "cityscapes19"
    assert set(domain[0].label.unique().tolist()) == {0, 1, 2, 4, 5, 7, 8, 10, 11, 12, 13, 255}


def test_gta5_takes_the_authors_split_file(tmp_path):
    import scipy.io

    root = factory.gta5(tmp_path)
    for split in ("train", "val"):
        (root / f"GTA5/{split}.txt").unlink()
    with pytest.raises(DataError, match=r"neither train.txt nor list/train.txt .* nor the authors' split.mat"):
        open_domain("gta5", root, "train")
    scipy.io.savemat(root / "GTA5/split.mat", {"trainIds": [[3], [1]], "valIds": [[2]], "testIds": [[4]]})
    train = open_domain("gta5", root, "train")
    assert [train[i].name for i in range(2)] == ["00003", "00001"]


def test_an_unlabelled_target_needs_no_labels_and_gives_none(tmp_path):
    root = factory.crosscity(tmp_path)
    target = open_domain("crosscity_rome", root, "train", labelled=False)
    assert target[0].label.unique().tolist() == [255]
    assert target.inspect().problems == []
    problems = open_domain("crosscity_rome", root, "train").inspect().problems
    assert [problem.detail.partition(" (")[0] for problem in problems] == ["no such file"] * 2


def test_an_unlabelled_domain_never_opens_its_labels(tmp_path):
    root = factory.camvid(tmp_path)
    for path in (root / "camvid/trainannot").iterdir():
        path.write_bytes(b"not to be read")
    domain = open_domain("camvid", root, "train", labelled=False)
    assert domain.inspect().problems == []
    assert domain[0].label.unique().tolist() == [255]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("camvd", "domain 'camvd' is unknown. Did you mean camvid"),
        ("crosscity", "Did you mean crosscity_"),
        ("nowhere", r"Choose streets, streets_real, streets_dusk, camvid.*or a file NAME.yaml"),
    ],
)
def test_an_unknown_domain_is_refused_with_the_known_ones(name, message):
    with pytest.raises(ConfigError, match=message):
        open_domain(name)


def test_a_missing_folder_is_refused_with_where_it_was_looked_for(tmp_path):
    with pytest.raises(DataError, match="pass data_root=FOLDER or set MSL_DATA"):
        open_domain("camvid")
    with pytest.raises(DataError, match="nowhere: no such folder"):
        open_domain("camvid", tmp_path / "nowhere")
    with pytest.raises(DataError, match=rf"{tmp_path} has no folder gta5.*download"):
        open_domain("gta5", tmp_path)


def test_an_unknown_or_empty_split_is_refused(tmp_path):
    root = factory.camvid(tmp_path)
    with pytest.raises(DataError, match="no split 'valid': choose one of train, val, test"):
        open_domain("camvid", root, "valid")
    (root / "camvid/val.txt").write_text("\n")
    with pytest.raises(DataError, match="no image of split 'val'"):
        open_domain("camvid", root, "val")


def test_a_label_set_without_common_classes_is_refused(tmp_path):
    (tmp_path / "trains.yaml").write_text(
        "name: trains\nlabel_set: camvid11\nids: {0: train}\nsplits: {train: {images: '*.png', labels: '*.png'}}\n"
    )
    factory.save(factory.picture(0), tmp_path / "a.png")
    with pytest.raises(ConfigError, match=r"no class of the data \(train\) is in"):
        open_domain(str(tmp_path / "trains.yaml"))


def test_unlabelled_error_is_told_apart(tmp_path):
    (tmp_path / "own.yaml").write_text("name: own\nsplits: {val: {images: '*.png'}}\n")
    factory.save(factory.picture(0), tmp_path / "a.png")
    with pytest.raises(UnlabelledError, match="split 'val' needs labels"):
        open_domain(str(tmp_path / "own.yaml"), split="val")


def test_a_list_of_files_in_place_of_patterns_is_refused_with_what_to_write(tmp_path):
    (tmp_path / "own.yaml").write_text("name: own\nroot: .\nsplits: {train: train.txt}\n")
    with pytest.raises(ConfigError, match=r"train.*write patterns, such as \{images: \"frames/\*.jpg\""):
        open_domain(str(tmp_path / "own.yaml"))
