"""Domains with classes of their own, and names of classes that are nearly right."""

import data_factory as factory
import own_data
import pytest
from PIL import Image

from msl.data import open_domain
from msl.errors import ConfigError, DataError, MissingSplitError
from msl.labels import find_label_set

CRACKS = {0: "background", 1: "crack", 2: "pothole", 3: "rut"}
STREET = {0: "road", 1: "sidewalk", 2: "car", 3: "person"}


@pytest.mark.parametrize(
    ("ids", "message"),
    [
        (
            STREET | {1: "traffic lihgt"},
            r"named.yaml: ids has names that are no class of any label set: 1: 'traffic lihgt' \(did you",
        ),
        (STREET | {1: "traffic_light"}, r"1: 'traffic_light' \(did you mean traffic light"),
        (STREET | {70_000: "bus"}, r"ids: 70000 is not an id of a label: write a number from 0 to 65535"),
        (STREET | {-1: "bus"}, r"ids: -1 is not an id of a label"),
        (STREET | {4: False}, r"ids: 4: False is not a class name: put it in quotes"),
        ({0: "sky", 1: "feild"}, r"For classes of your own, add the line: classes: \[sky, feild\]"),
        (CRACKS, r"For classes of your own, add the line: classes: \[background, crack, pothole, rut\]"),
    ],
)
def test_names_and_ids_that_are_nearly_right_are_refused(tmp_path, ids, message):
    with pytest.raises(ConfigError, match=message):
        open_domain(str(own_data.with_ids(tmp_path, ids)))


def test_an_id_that_labels_of_eight_bits_cannot_hold_is_refused(tmp_path):
    path = str(own_data.with_ids(tmp_path, STREET | {1000: "bus"}))
    with pytest.raises(ConfigError, match=r"named: ids: 1000 is too large for its labels of 8 bits \(.*lab/0.png\)"):
        open_domain(path)
    assert len(open_domain(path, labelled=False)) == 4  # labels are not opened then


def test_null_is_how_one_ignores(tmp_path):
    domain = open_domain(str(own_data.with_ids(tmp_path, STREET | {1: None})))
    assert set(domain[0].label.unique().tolist()) == {0, 11, 13, 255}


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (
            "ids: [road, car]",
            r"ids = \['road', 'car'\]: write a name, or a table such as \{0: road, 1: sky, 255: null\}",
        ),
        (
            "ids: {0: road, 1: car, 0: sky}",
            r"own.yaml: cannot be read as YAML: line 2: the key 0 occurs twice: remove one",
        ),
        ("ids: {0: road}\nname: again", r"line 3: the key 'name' occurs twice"),
        ("label_set: cityscapes91", r"label_set = 'cityscapes91' is unknown: did you mean cityscapes19"),
        ("classes: road", r"classes = 'road'"),
        ("classes: [road]", r"classes: their number is 1, a label set has 2 to 254"),
        (
            "classes: [crack, rut]\nids: {0: crack, 1: rutt}",
            r"its own label set \(crack, rut\): 1: 'rutt' \(did you mean rut",
        ),
        ("splits: [train]", r"splits = \['train'\]"),
    ],
)
def test_what_a_file_cannot_say_is_told_in_a_sentence(tmp_path, line, message):
    path = tmp_path / "own.yaml"
    splits = "" if line.startswith("splits") else '\nsplits: {train: {images: "*.png", labels: "*.png"}}'
    path.write_text(f"name: own\n{line}{splits}\n")
    with pytest.raises(ConfigError, match=message) as raised:
        open_domain(str(path))
    assert "\n" not in str(raised.value)


def test_own_classes_with_colours(tmp_path):
    classes = {"background": [0, 0, 0], "crack": "#d55e00", "pothole": None, "rut": None}
    domain = open_domain(str(own_data.with_ids(tmp_path, CRACKS, classes=classes)))
    assert (domain.label_set.name, domain.label_set.classes) == ("named", tuple(CRACKS.values()))
    assert domain.label_set.palette[:2] == ((0, 0, 0), (213, 94, 0))
    report = domain.inspect()
    assert (report.problems, set(report.pixels)) == ([], {0, 1, 2, 3})
    assert report.notes == []


def test_own_classes_are_numbered_in_their_order_unless_ids_say_more(tmp_path):
    own_data.with_ids(tmp_path, CRACKS)
    path = own_data.domain(tmp_path, "named", own_data.both("img/*.png", "lab/*.png"), classes=list(CRACKS.values()))
    assert set(open_domain(str(path))[0].label.unique().tolist()) == {0, 1, 2, 3}
    swapped = own_data.with_ids(tmp_path, CRACKS, classes=["rut", "pothole", "crack", "background"])
    assert (open_domain(str(swapped))[0].label.numpy() == 3 - own_data.stripes([0, 1, 2, 3])).all()


def test_own_classes_may_be_some_of_a_published_data_sets(tmp_path):
    for i in range(2):
        own_data.save(own_data.picture(i, own_data.SIZE), tmp_path / f"img/{i}.png")
        own_data.save(own_data.stripes([*own_data.CITY, 0], i).astype("uint8"), tmp_path / f"lab/{i}.png")
    splits = own_data.both("img/*.png", "lab/*.png")
    domain = open_domain(str(own_data.domain(tmp_path, "few", splits, classes=["car", "road"], ids="cityscapes")))
    assert domain[0].label.unique().tolist() == [0, 1, 255]
    assert domain.inspect().notes[0].startswith("few has no class sidewalk, building, wall, fence")


def test_a_domain_of_other_classes_is_mapped_by_name_and_the_rest_is_named(tmp_path):
    source = open_domain(str(own_data.with_ids(tmp_path / "a", CRACKS, classes=list(CRACKS.values()))))
    other = own_data.with_ids(
        tmp_path / "b", {0: "rut", 1: "crack", 2: "manhole", 3: None}, classes=["rut", "crack", "manhole"]
    )
    target = open_domain(str(other), split="val", label_set=source.label_set)
    assert target.label_set is source.label_set
    assert target[0].label.unique().tolist() == [1, 3, 255]
    assert "named has no class manhole: such pixels are ignored" in target.inspect().notes
    published = open_domain("streets", label_set="cityscapes19", split="val")
    with pytest.raises(ConfigError, match=r"no class of the data .* is in label set 'named'"):
        open_domain("streets", split="val", label_set=source.label_set)
    assert published.label_set is find_label_set("cityscapes19")


def test_an_unlabelled_domain_takes_any_classes(tmp_path):
    source, target = own_data.two_domains(
        tmp_path, classes=["way", "wall"], ids={7: "way", 8: "wall", 26: None, 0: None}
    )
    label_set = open_domain(str(source)).label_set
    domain = open_domain(str(target), label_set=label_set, labelled=False)
    assert (len(domain), domain[0].label.unique().tolist()) == (2, [255])
    assert domain.inspect().problems == []


def test_own_classes_by_their_name_or_file(tmp_path):
    path = str(own_data.with_ids(tmp_path / "a", CRACKS, classes=list(CRACKS.values()), label_set="damage"))
    assert open_domain(path).label_set.name == "damage"
    assert open_domain(path, label_set="damage").label_set.classes == tuple(CRACKS.values())
    other = own_data.with_ids(tmp_path / "b", {0: "rut"}, classes=["rut", "crack"])
    assert open_domain(str(other), label_set=path).label_set.name == "damage"
    with pytest.raises(ConfigError, match="label_set = 'damages' is unknown"):
        open_domain(path, label_set="damages")


def test_another_order_of_the_classes_is_another_reading(tmp_path):
    path = own_data.with_ids(tmp_path, CRACKS, classes=list(CRACKS.values()))
    before = open_domain(str(path)).table_digest()
    assert open_domain(str(path)).table_digest() == before
    other = own_data.with_ids(tmp_path, CRACKS, classes=list(reversed(CRACKS.values())))
    assert open_domain(str(other)).table_digest() != before  # another network: nothing of it may be taken up


def test_labels_that_look_like_train_ids_are_mentioned(tmp_path):
    splits = own_data.both("img/*.png", "lab/*.png")
    for i in range(2):
        own_data.save(own_data.picture(i, own_data.SIZE), tmp_path / f"img/{i}.png")
        own_data.save(own_data.stripes([0, 1, 2, 8, 10, 13, 255], i).astype("uint8"), tmp_path / f"lab/{i}.png")
    notes = open_domain(str(own_data.domain(tmp_path, "own", splits))).inspect().notes
    expected = (
        "the labels' ids (0, 1, 2, 8, 10, 13) look like train ids, but are read as labelIds: "
        "if they are train ids, write ids: train_ids"
    )
    assert expected in notes
    notes = open_domain(str(own_data.domain(tmp_path, "own", splits, ids="train_ids"))).inspect().notes
    assert not [note for note in notes if "train ids" in note]


def test_a_class_almost_alone_absent_classes_and_many_sizes_are_mentioned(tmp_path):
    for i in range(4):
        size = (32 + i, 16)
        label = own_data.stripes([0], size=size)
        label[:1, :4] = 1
        own_data.save(own_data.picture(i, size), tmp_path / f"img/{i}.png")
        own_data.save(label.astype("uint8"), tmp_path / f"lab/{i}.png")
    path = own_data.domain(tmp_path, "own", own_data.both("img/*.png", "lab/*.png"), classes=["road", "crack", "rut"])
    assert open_domain(str(path)).inspect().notes == [
        "images of 4 sizes, from 32x16 to 35x16: all are stretched to crop_size",
        "99.3 % of the labelled pixels are road",
        "classes that no label here contains: rut. Nothing is learned of them here; one counts in mIoU, with IoU 0, "
        "only if the network predicts it",
    ]


def test_a_split_that_is_not_described_is_told_apart(tmp_path):
    source, _ = own_data.two_domains(tmp_path)
    with pytest.raises(MissingSplitError, match="A has no split 'val': its file describes train"):
        open_domain(str(source), split="val")
    assert issubclass(MissingSplitError, DataError)
    source.write_text(source.read_text().replace("train:", "training:"))
    with pytest.raises(MissingSplitError, match=r"describes training \(if training is meant, rename it to train\)"):
        open_domain(str(source))


def test_a_folder_is_no_domain(tmp_path):
    with pytest.raises(ConfigError, match="is a folder: describe it in a file NAME.yaml .*; a target needs no labels"):
        open_domain(str(tmp_path))


def test_a_layout_in_classes_of_ones_own(tmp_path):
    factory.camvid(tmp_path / "data")
    path = tmp_path / "few.yaml"
    path.write_text("name: few\nlayout: camvid\nroot: data/camvid\nclasses: [car, road, sky]\n")
    domain = open_domain(str(path))
    assert domain.label_set.classes == ("car", "road", "sky")
    assert domain[0].label.unique().tolist() == [0, 1, 2, 255]
    path.write_text("name: few\nlayout: streets\nsize: 64,32\nclasses: [car, road, sky]\n")
    assert set(open_domain(str(path), split="val")[0].label.unique().tolist()) <= {0, 1, 2, 255}
    path.write_text("name: few\nlayout: camvid\nroot: data/camvid\nids: train_ids\n")
    with pytest.raises(ConfigError, match="ids is only for splits: leave it out, because a layout has its ids"):
        open_domain(str(path))


def test_a_file_whose_name_has_other_capitals_is_the_nearest(tmp_path):
    for name in ("A.yaml", "B.yaml"):
        (tmp_path / name).touch()
    with pytest.raises(ConfigError, match=r"a\.yaml: no such file\. Did you mean .*A\.yaml\?"):
        open_domain(str(tmp_path / "a.yaml"))


def test_a_class_that_another_domain_spells_otherwise_is_mentioned_with_the_nearest(tmp_path):
    source = own_data.with_ids(tmp_path / "a", CRACKS, classes=list(CRACKS.values()))
    other = {0: "background", 1: "crack", 2: "pothole", 3: "ruts"}
    target = own_data.with_ids(tmp_path / "b", other, classes=list(other.values()))
    label_set = open_domain(str(source)).label_set
    notes = open_domain(str(target), label_set=label_set).inspect().notes
    assert f"{label_set.name} has no class ruts: such pixels are ignored. ruts: did you mean rut?" in notes


def test_palettes_that_differ_between_files_are_mentioned(tmp_path):
    """As a program makes them that chooses the palette of each file by what occurs in it."""
    splits = own_data.both("img/*.png", "lab/*.png")
    palettes = [[200, 40, 40, 0, 90, 200], [0, 90, 200, 200, 40, 40]]
    for i, palette in enumerate(palettes):
        own_data.save(own_data.picture(i, own_data.SIZE), tmp_path / f"img/{i}.png")
        label = Image.fromarray(own_data.stripes([0, 1], i).astype("uint8"), mode="P")
        label.putpalette(palette)
        (tmp_path / "lab").mkdir(exist_ok=True)
        label.save(tmp_path / f"lab/{i}.png")
    path = str(own_data.domain(tmp_path, "own", splits, ids={0: "road", 1: "sky"}))
    expected = (
        "id 0 is #c82828 in the palette of one label and #005ac8 in that of another: if a program chose a palette for "
        "each file, one id means several classes. Look at the contact sheet"
    )
    for _ in range(2):  # the second report is from the cache
        assert expected in open_domain(path).inspect().notes
    label.putpalette(palettes[0])
    label.save(tmp_path / "lab/1.png")
    assert not [note for note in open_domain(path).inspect().notes if "palette" in note]


@pytest.mark.parametrize("unknown", [(), (2,)])
def test_palettes_with_the_colours_of_other_classes_are_mentioned(unknown, tmp_path):
    """As a program makes them that numbers the colours of a mask anew; also where some labels are refused."""
    splits = own_data.both("img/*.png", "lab/*.png")
    classes = {"road": [200, 40, 40], "sky": [0, 90, 200], "tree": [10, 200, 10]}
    (tmp_path / "lab").mkdir()
    for i, extra in enumerate([(), unknown]):
        own_data.save(own_data.picture(i, own_data.SIZE), tmp_path / f"img/{i}.png")
        label = Image.fromarray(own_data.stripes([0, 1, *extra], i).astype("uint8"), mode="P")
        label.putpalette([*classes["sky"], *classes["road"], *classes["tree"]])
        label.save(tmp_path / f"lab/{i}.png")
    ids = {0: "road", 1: "sky", 5: "tree"}
    path = str(own_data.domain(tmp_path, "own", splits, ids=ids, classes=classes))
    report = open_domain(path).inspect()
    assert [problem.kind for problem in report.problems] == ["unknown ids"] * len(unknown)
    assert (
        "2 ids have the colours of other classes in the palettes: id 0 is #005ac8, as sky is, and is read as road. If "
        "the colours are right, write ids: {0: sky, 1: road, …}. Look at the contact sheet"
    ) in report.notes
    other = own_data.with_ids(tmp_path / "b", {0: "road", 1: "sky", 2: "tree", 3: None}, classes=list(classes))
    label_set = open_domain(str(other)).label_set  # with other colours
    notes = open_domain(path, label_set=label_set).inspect().notes
    assert [note for note in report.notes if "palette" in note] == [note for note in notes if "palette" in note]
    path = str(own_data.domain(tmp_path, "own", splits, ids={0: "sky", 1: "road", 5: "tree"}, classes=classes))
    assert not [note for note in open_domain(path).inspect().notes if "palette" in note]


def test_if_no_label_is_there_the_file_in_its_place_is_named(tmp_path):
    splits = own_data.both("img/*.png", "lab/*_masks.png")
    for i in range(2):
        own_data.save(own_data.picture(i, own_data.SIZE), tmp_path / f"img/dive {i}.png")
        own_data.save(own_data.stripes([0, 1], i), tmp_path / f"lab/dive {i}_mask.png")
    path = str(own_data.domain(tmp_path, "own", splits, ids={0: "road", 1: "sky"}))
    note = f"no label is there: {tmp_path}/lab has dive 0_mask.png in place of dive 0_masks.png"
    assert note in open_domain(path).inspect().notes
    (tmp_path / "lab/dive 0_mask.png").rename(tmp_path / "lab/dive 0_masks.png")
    assert not [text for text in open_domain(path).inspect().notes if text.startswith("no label is there")]


def test_ids_that_nobody_has_named_are_to_be_named_and_single_ones_may_be_ignored(tmp_path):
    path = own_data.with_ids(tmp_path, {0: "road", 1: "sky"})
    own_data.save(own_data.stripes([10, 20, 30], 0).astype("uint8"), next(tmp_path.glob("**/lab*/*.png")))
    texts = [problem.detail for problem in open_domain(str(path)).inspect().problems]
    assert any(
        "say what each means: ids: {10: CLASS, 20: CLASS, 30: CLASS, …}; null ignores one" in text for text in texts
    )
