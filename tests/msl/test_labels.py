import itertools

import pytest

from msl.errors import ConfigError
from msl.labels import (
    CAMVID_IDS,
    CITYSCAPES_IDS,
    IGNORE,
    LABEL_SETS,
    SYNTHIA_IDS,
    UNKNOWN,
    check_names,
    cityscapes_ids,
    colours,
    described_label_set,
    find_label_set,
    restored_label_set,
    train_ids,
)
from msl.labels.colours import chosen_colours

# Train ids of Cityscapes' raw ids, and of SYNTHIA's, as the published code has them.
CITYSCAPES = {7: 0, 8: 1, 11: 2, 12: 3, 13: 4, 17: 5, 19: 6, 20: 7, 21: 8, 22: 9, 23: 10, 24: 11, 25: 12, 26: 13}
CITYSCAPES |= {27: 14, 28: 15, 31: 16, 32: 17, 33: 18}
SYNTHIA = {1: 10, 2: 2, 3: 0, 4: 1, 5: 4, 6: 8, 7: 5, 8: 13, 9: 7, 10: 11, 11: 18, 12: 17, 15: 6, 16: 9, 17: 12}
SYNTHIA |= {18: 14, 19: 15, 20: 16, 21: 3}
SUBSETS = {
    "synthia16": [0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 11, 12, 13, 15, 17, 18],
    "synthia13": [0, 1, 2, 6, 7, 8, 10, 11, 12, 13, 15, 17, 18],
    "crosscity13": [0, 1, 2, 6, 7, 8, 10, 11, 12, 13, 15, 17, 18],
}


def test_cityscapes_ids():
    table = find_label_set("cityscapes19").table(CITYSCAPES_IDS)
    assert {raw: table[raw] for raw in CITYSCAPES} == CITYSCAPES
    assert {table[raw] for raw in CITYSCAPES_IDS if raw not in CITYSCAPES} == {IGNORE}
    assert table[200] == UNKNOWN


def test_synthia_ids():
    table = find_label_set("cityscapes19").table(SYNTHIA_IDS)
    assert {raw: table[raw] for raw in SYNTHIA} == SYNTHIA
    assert [table[raw] for raw in (0, 13, 14, 22)] == [IGNORE] * 4


@pytest.mark.parametrize("name", SUBSETS)
def test_subsets_number_their_classes_without_gaps(name):
    table = find_label_set(name).table(CITYSCAPES_IDS)
    train_id_of_raw = {raw: SUBSETS[name].index(t) for raw, t in CITYSCAPES.items() if t in SUBSETS[name]}
    assert {raw: table[raw] for raw in train_id_of_raw} == train_id_of_raw
    assert all(table[raw] == IGNORE for raw in CITYSCAPES if raw not in train_id_of_raw)


def test_the_thirteen_are_these_outputs_of_the_sixteen():
    sixteen, thirteen = find_label_set("synthia16").classes, find_label_set("synthia13").classes
    assert [sixteen.index(name) for name in thirteen] == [0, 1, 2, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]


def test_the_thirteen_are_scored_beside_the_sixteen_only():
    assert find_label_set("synthia16").thirteen == find_label_set("synthia13").classes
    assert [name for name, label_set in LABEL_SETS.items() if label_set.thirteen] == ["synthia16"]


def test_ids_in_cityscapes_invert_the_table():
    for name in ("cityscapes19", *SUBSETS):
        label_set = find_label_set(name)
        table = label_set.table(CITYSCAPES_IDS)
        assert [table[raw] for raw in cityscapes_ids(label_set)] == list(range(len(label_set)))
    assert cityscapes_ids(find_label_set("camvid11")) is None


def test_camvid_in_its_own_classes_and_in_cityscapes():
    our_table = find_label_set("camvid11").table(CAMVID_IDS)
    assert list(our_table[:12]) == [*range(11), IGNORE]
    cityscapes = find_label_set("cityscapes19")
    table = cityscapes.table(CAMVID_IDS)
    names = [cityscapes.classes[table[raw]] for raw in range(11)]
    assert names == [
        *("sky", "building", "pole", "road", "sidewalk", "vegetation", "traffic sign", "fence", "car"),
        *("person", "rider"),
    ]


def test_cityscapes_in_camvid_classes():
    camvid = find_label_set("camvid11")
    table = camvid.table(CITYSCAPES_IDS)
    assert camvid.classes[table[28]] == "car"  # a bus
    assert camvid.classes[table[33]] == "bicyclist"  # a bicycle
    assert table[31] == IGNORE  # a train is none of CamVid's classes


def test_files_that_hold_train_ids():
    label_set = find_label_set("camvid11")
    table = label_set.table(train_ids(label_set))
    assert list(table[:11]) == list(range(11))
    assert table[255] == IGNORE
    assert table[11] == UNKNOWN


def test_colours():
    for label_set in LABEL_SETS.values():
        assert len(label_set.palette) == len(set(label_set.palette)) == len(label_set.classes)
    cityscapes = find_label_set("cityscapes19")
    assert cityscapes.palette[cityscapes.classes.index("sky")] == (70, 130, 180)


def test_data_without_a_class_in_common_is_refused():
    with pytest.raises(ConfigError, match=r"no class of the data \(giraffe\) is in label set 'camvid11' \(sky"):
        find_label_set("camvid11").table({0: "giraffe", 1: None})


def test_an_unknown_label_set_is_refused():
    with pytest.raises(ConfigError, match="choose one of cityscapes19"):
        find_label_set("cityscapes20")


def test_an_unknown_label_set_is_refused_with_the_nearest():
    with pytest.raises(ConfigError, match="'cityscapes91' is unknown: did you mean cityscapes19"):
        find_label_set("cityscapes91")


@pytest.mark.parametrize("count", [2, 7, 8, 20, 60, 254])
def test_chosen_colours_are_told_apart_by_every_kind_of_eye(count):
    chosen = chosen_colours(count)
    assert chosen == chosen_colours(count)
    assert len(set(chosen)) == count
    assert not {(0, 0, 0), (255, 255, 255)} & set(chosen)
    perceived = [colours._perceived(colour) for colour in [(0, 0, 0), (255, 255, 255), *chosen]]
    nearest = min(colours._distance(one, other) for one, other in itertools.combinations(perceived, 2))
    assert nearest > {2: 0.2, 7: 0.07, 8: 0.07, 20: 0.07, 60: 0.03, 254: 0.009}[count]


def test_colours_as_the_deficient_see_them():
    red, green, grey = (colours._perceived(colour) for colour in ((255, 0, 0), (0, 255, 0), (128, 128, 128)))
    lightness, a, b = red[0]  # OKLab of sRGB's red, as Ottosson gives it
    assert (lightness, a, b) == pytest.approx((0.62796, 0.22486, 0.12585), abs=1e-4)
    assert all(a == pytest.approx(0, abs=0.01) for _, a, _ in grey)  # grey is grey to all
    assert abs(red[2][1] - green[2][1]) < 0.25 * abs(red[0][1] - green[0][1])  # not so red and green


def test_a_label_set_of_ones_own():
    roads = described_label_set("roads", {"background": [0, 0, 0], "crack": "#D55E00", "pothole": None, "rut": None})
    assert roads.classes == ("background", "crack", "pothole", "rut")
    assert roads.palette[:2] == ((0, 0, 0), (213, 94, 0))
    assert len(set(roads.palette)) == 4
    assert roads.table(train_ids(roads))[:4] == bytes(range(4))
    assert described_label_set("roads", ["background", "crack"]).classes == ("background", "crack")
    assert cityscapes_ids(described_label_set("mine", ["road", "car"])) is None


@pytest.mark.parametrize(
    ("classes", "message"),
    [
        (["road"], "classes: their number is 1, a label set has 2 to 254"),
        ([f"c{i}" for i in range(255)], "classes: their number is 255"),
        (["road", "car", "Road"], "classes: more than one is called road: rename one"),
        (["road", 7], "classes: 7 is not a class name"),
        (["road", "on/off"], "'on/off' is not a class name"),
        (["road", " car"], "' car' is not a class name"),
        ({"road": [1, 2], "car": None}, r"classes: road: \[1, 2\] is not a colour: write \[r, g, b\] of 0 to 255"),
        ({"road": [1, 2, 256], "car": None}, "is not a colour"),
        ({"road": "red", "car": None}, "'red' is not a colour"),
        ({"road": [1, 2, 3], "car": [1, 2, 3]}, r"road and car have the same colour \[1, 2, 3\]"),
        ({"road": [255, 255, 255], "car": None}, "white is the background of all panels"),
    ],
)
def test_classes_that_cannot_be_are_refused(classes, message):
    with pytest.raises(ConfigError, match=message):
        described_label_set("own", classes)


def test_own_classes_take_no_published_name():
    with pytest.raises(ConfigError, match="'camvid11' is a published label set"):
        described_label_set("camvid11", ["a", "b"])


def test_a_label_set_is_restored_from_what_is_saved_of_it():
    roads = described_label_set("roads", ["crack", "rut"])
    assert restored_label_set(roads.name, roads.classes, roads.palette) == roads
    camvid = find_label_set("camvid11")
    assert restored_label_set(camvid.name, camvid.classes, camvid.palette) is camvid
    assert restored_label_set(camvid.name, camvid.classes) is camvid  # as older files tell
    with pytest.raises(ConfigError, match="label_set = 'roads' is unknown"):
        restored_label_set(roads.name, roads.classes)


def test_names_of_classes_are_checked():
    check_names({0: "road", 1: "tree", 2: None}, None)  # an alias, and one that is ignored
    with pytest.raises(ConfigError, match=r"any label set: 1: 'traffic lihgt' \(did you mean traffic light"):
        check_names({0: "road", 1: "traffic lihgt"}, None)
    with pytest.raises(ConfigError, match=r"'crack' .* add the line: classes: \[crack, pothole\]"):
        check_names({1: "crack", 2: "pothole"}, None)
    roads = described_label_set("roads", ["crack", "rut"])
    with pytest.raises(ConfigError, match=r"its own label set \(crack, rut\): 1: 'road' \(no known name is similar\)"):
        check_names({0: "crack", 1: "road"}, roads)
