import pytest

from msl.errors import ConfigError
from msl.labels import (
    CAMVID_IDS,
    CITYSCAPES_IDS,
    IGNORE,
    LABEL_SETS,
    SYNTHIA_IDS,
    UNKNOWN,
    cityscapes_ids,
    find_label_set,
    train_ids,
)

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
    own = find_label_set("camvid11").table(CAMVID_IDS)
    assert list(own[:12]) == [*range(11), IGNORE]
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
