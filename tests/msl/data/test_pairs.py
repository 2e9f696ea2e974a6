import data_factory as factory
import pytest

from msl.data import open_domain
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
        (("name: ring_road\n", ""), r"own.yaml: name = .*: field required"),
        (("ids: cityscapes", "ids: nuscenes"), "ids = 'nuscenes': choose cityscapes, synthia, camvid, train_ids"),
        (("label_set: cityscapes19", "label_set: nine"), "label_set = 'nine' is unknown"),
        (("root: data", "rot: data"), "rot: unknown key: choose one of name, root, "),
        (("labels:", "masks:"), "splits.train.masks: unknown key: choose one of images, labels"),
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
    with pytest.raises(DataError, match="elsewhere: no such folder"):
        open_domain(str(own_data))
    own_data.write_text(OWN.replace("frames/train/*/*_left.jpg", "frames/train/*/*_left.png"))
    with pytest.raises(DataError, match="no file matches .*_left.png"):
        open_domain(str(own_data))
    with pytest.raises(DataError, match="no split 'test': its file describes train, val"):
        open_domain(str(own_data), split="test")
