import data_factory as factory
import numpy as np
import pytest
from conftest import REPOSITORY
from PIL import Image

from msl.data import open_domain
from msl.data.domain_file import read_domain_file
from msl.errors import ConfigError, DataError
from msl.labels import CITYSCAPES_IDS

OWN = """
name: ring_road
root: data
label_set: cityscapes19
ids: cityscapes
splits:
  train: {images: "frames/train/*/*_left.jpg", labels: "masks/train/*/*_ids.png"}
  val:   {images: "frames/val/*.png", labels: "masks/*.png"}
"""


@pytest.fixture
def own_data(tmp_path):
    for i, day in enumerate(("mon", "tue")):
        factory.save(factory.picture(i), tmp_path / f"data/frames/train/{day}/{i}_left.jpg")
        factory.save(factory.label(i, sorted(CITYSCAPES_IDS)), tmp_path / f"data/masks/train/{day}/{i}_ids.png")
    factory.save(factory.picture(7), tmp_path / "data/frames/val/x.png")
    factory.save(factory.label(7, sorted(CITYSCAPES_IDS)), tmp_path / "data/masks/x.png")
    path = tmp_path / "own.yaml"
    path.write_text(OWN)
    return path


def test_stars_find_the_label_of_an_image(own_data):
    train, val = open_domain(str(own_data), split="train"), open_domain(str(own_data), split="val")
    assert [train[i].name for i in range(2)] == ["frames/train/mon/0_left", "frames/train/tue/1_left"]
    assert train.inspect().problems == val.inspect().problems == []
    assert train[0].label.unique().numel() == 20


def test_ids_as_a_table(own_data):
    own_data.write_text(OWN.replace("ids: cityscapes", "ids: {7: road, 26: car, 0: null}"))
    assert open_domain(str(own_data)).inspect().problems[0].detail.startswith("ids [1, 2, 3")
    table = ", ".join(f"{raw}: {'null' if name is None else name}" for raw, name in CITYSCAPES_IDS.items())
    own_data.write_text(OWN.replace("ids: cityscapes", f"ids: {{{table}}}"))
    assert open_domain(str(own_data)).inspect().problems == []


def test_a_published_layout_elsewhere(tmp_path):
    factory.camvid(tmp_path / "deep/down")
    path = tmp_path / "here.yaml"
    path.write_text("name: my_camvid\nlayout: camvid_day\nroot: deep/down/camvid\n")
    assert len(open_domain(str(path), split="train")) == 3


def test_streets_of_another_size_and_count(tmp_path):
    path = tmp_path / "wide.yaml"
    path.write_text("name: wide\nlayout: streets\nsize: 96,48\ncount: {train: 3}\nseed: 5\n")
    domain = open_domain(str(path), split="train")
    assert len(domain) == 3
    assert domain[0].image.shape == (3, 48, 96)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("name: ring_road\n", ""), r"own.yaml: name: is missing \(letters, digits, _ \. -\)"),
        (("ids: cityscapes", "ids: nuscenes"), "ids = 'nuscenes': choose cityscapes, synthia, camvid, train_ids"),
        (("label_set: cityscapes19", "label_set: nine"), "label_set = 'nine' is unknown"),
        (("root: data", "rot: data"), r"rot: unknown key: did you mean root\? Choose one of name, root, "),
        (
            ('"frames/val/*.png"', "val.txt"),
            r"images = val.txt: write patterns, such as .* lists of files are read only",
        ),
        (
            ("ids: cityscapes", "ids: {'#c82828': road}"),
            r"'#c82828' is not an id of a label: .*; labels are files of one",
        ),
        (
            ("ids: cityscapes", "ids: {road: 7}"),
            r"ids: 'road' is not an id of a label: write a number from 0 to 65535$",
        ),
        (
            ("ids: cityscapes", "ids: {[200, 40, 40]: road}"),
            r"line 5: \[200, 40, 40\] cannot be a key: write a number or a word; labels are files of one channel with "
            "ids: docs/own-data.md converts colour masks",
        ),
        (
            ('"frames/val/*.png"', "frames"),
            r"more stars than .*; for all files of a folder, write images = frames/\*\*/",
        ),
        (("labels:", "masks:"), "splits.train.masks: unknown key: choose one of images, labels"),
        (
            ('{images: "frames/train', '{image: "frames/train'),
            r"own.yaml: splits.train.images: is missing \(pattern .* with stars\); "
            r"splits.train.image: unknown key: did you mean images\? Choose one of images, labels$",
        ),
        (("/*/*_ids.png", "/*/*/*_ids.png"), "has more stars than"),
        (("splits:", "layout: camvid\nsplits:"), "either splits .* or layout"),
        (
            ("\nname", "\n- name"),
            r"YAML: line 3, column 1: while parsing a block collection, expected <block end>",
        ),
    ],
)
def test_a_bad_file_is_refused(own_data, change, message):
    own_data.write_text(OWN.replace(*change))
    with pytest.raises(ConfigError, match=message):
        open_domain(str(own_data))


def test_files_that_are_not_there_are_refused(own_data, tmp_path):
    with pytest.raises(ConfigError, match=r"none.yaml: no such file"):
        open_domain(str(tmp_path / "none.yaml"))
    own_data.write_text(OWN.replace("root: data", "root: elsewhere"))
    with pytest.raises(DataError, match=r"elsewhere: no such folder; .* \(a relative root counts from the folder of"):
        open_domain(str(own_data))
    own_data.write_text(OWN.replace("frames/train/*/*_left.jpg", "frames/train/*/*_left.png"))
    with pytest.raises(DataError, match=r"no file matches .*_left.png: .*data/frames/train has mon/, tue/; correct"):
        open_domain(str(own_data))
    with pytest.raises(DataError, match="no split 'test': its file describes train, val"):
        open_domain(str(own_data), split="test")


@pytest.mark.parametrize(
    ("files", "pattern", "message"),
    [
        (["a.tif", "b.tif", "c.txt", "LICENCE"], "img/*.png", r"img has 2 \.tif, 1 LICENCE, 1 \.txt; correct"),
        (["a.a", "b.b", "c.c", "d.d", ".e"], "img/*.png", r"img has 1 \.a, 1 \.b, 1 \.c, …; correct"),
        ([".hidden"], "img/*.png", r"img is empty; correct"),
        (["a.png"], "image/**/*.png", r"there is no folder .*/image; correct"),
    ],
)
def test_a_pattern_without_files_is_refused_with_what_is_there(tmp_path, files, pattern, message):
    (tmp_path / "img").mkdir()
    for file in files:
        (tmp_path / "img" / file).touch()
    path = tmp_path / "own.yaml"
    path.write_text(f'name: own\nsplits: {{train: {{images: "{pattern}"}}}}\n')
    with pytest.raises(DataError, match=f"own: no file matches {tmp_path}/.*: .*{message}"):
        open_domain(str(path), labelled=False)


@pytest.mark.parametrize(
    ("split", "role"), [("{images: frames}", "images"), ('{images: "frames/val/*.png", labels: frames}', "labels")]
)
def test_a_folder_in_place_of_a_pattern_is_refused(own_data, split, role):
    own_data.write_text(f"{OWN}  test: {split}\n")
    with pytest.raises(DataError, match=rf"ring_road: {role} = frames: this is a folder: write frames/\*\*/\*.png"):
        open_domain(str(own_data), split="test", labelled=role == "labels")


def test_a_root_is_shown_short_and_leads_where_it_did(own_data, tmp_path):
    (tmp_path / "yaml").mkdir()
    path = tmp_path / "yaml/own.yaml"
    path.write_text(OWN.replace("root: data", "root: ../data"))
    assert read_domain_file(path).root == tmp_path / "data"
    (tmp_path / "far/deep").mkdir(parents=True)
    (tmp_path / "yaml/link").symlink_to(tmp_path / "far/deep")
    path.write_text(OWN.replace("root: data", "root: link"))
    assert read_domain_file(path).root == tmp_path / "yaml/link"
    path.write_text(OWN.replace("root: data", "root: link/../found"))
    assert read_domain_file(path).root.resolve() == tmp_path / "far/found"


def test_the_lines_of_the_page_convert_a_colour_mask(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Image.fromarray(np.array([[(128, 64, 128), (200, 40, 40), (1, 2, 3)]], np.uint8)).save("mask.png")
    page = (REPOSITORY / "docs/own-data.md").read_text()
    exec(page.partition("```python\n")[2].partition("```")[0], {})
    assert np.asarray(Image.open("ids.png")).tolist() == [[0, 1, 255]]
