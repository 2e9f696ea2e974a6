"""The raw ids by which data sets number classes in their label files."""

from msl.labels.label_set import IGNORE, LabelSet, RawIds
from msl.labels.published import CAMVID11, LABEL_SETS

CITYSCAPES_IDS: RawIds = {
    **dict.fromkeys((0, 1, 2, 3, 4, 5, 6, 9, 10, 14, 15, 16, 18, 29, 30)),
    **dict.fromkeys((34, 255)),  # licence plate: 34 in GTA5, -1 read as 8 bits in Cityscapes
    7: "road",
    8: "sidewalk",
    11: "building",
    12: "wall",
    13: "fence",
    17: "pole",
    19: "traffic light",
    20: "traffic sign",
    21: "vegetation",
    22: "terrain",
    23: "sky",
    24: "person",
    25: "rider",
    26: "car",
    27: "truck",
    28: "bus",
    31: "train",
    32: "motorcycle",
    33: "bicycle",
}

SYNTHIA_IDS: RawIds = {
    **dict.fromkeys((0, 13, 14, 22)),  # void, parking slot, road work, lane marking
    1: "sky",
    2: "building",
    3: "road",
    4: "sidewalk",
    5: "fence",
    6: "vegetation",
    7: "pole",
    8: "car",
    9: "traffic sign",
    10: "person",
    11: "bicycle",
    12: "motorcycle",
    15: "traffic light",
    16: "terrain",
    17: "rider",
    18: "truck",
    19: "bus",
    20: "train",
    21: "wall",
}

CAMVID_IDS: RawIds = {**dict(enumerate(CAMVID11.classes)), 11: None}


def train_ids(label_set: LabelSet) -> RawIds:
    """Raw ids of files that already hold a label set's train ids (…_labelTrainIds.png): 255 is ignored."""
    return {**dict(enumerate(label_set.classes)), IGNORE: None}


def cityscapes_ids(label_set: LabelSet) -> tuple[int, ...] | None:
    """Cityscapes' raw id of each class of a published label set; None if Cityscapes lacks one of its classes."""
    if LABEL_SETS.get(label_set.name) != label_set:  # a user's: the same name may mean something else
        return None
    ids = {name: raw for raw, name in CITYSCAPES_IDS.items() if name is not None}
    return tuple(ids[name] for name in label_set.classes) if ids.keys() >= set(label_set.classes) else None
