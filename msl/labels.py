"""Label sets (the classes a network predicts) and the ids by which data sets number them in their files.

The two are joined by class *names*: `LabelSet.table(ids)` turns a data set's raw ids into the label set's train
ids, so any data set can be read in any label set that shares classes with it (CamVid in Cityscapes' 19, say).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from msl.errors import ConfigError

IGNORE = 255  # train id of pixels that count neither in a loss nor in a metric
RAW_IDS = 65536  # that a label file of 16 bits can hold
UNKNOWN = 254  # what `LabelSet.table` gives to raw ids that the data set does not define

Colour = tuple[int, int, int]
RawIds = Mapping[int, str | None]  # raw id in a label file -> class name; None is ignored on purpose


@dataclass(frozen=True, kw_only=True)
class LabelSet:
    """The classes of a network's output, in the order of its channels.

    `aliases` maps other data sets' class names to this set's (``tree`` -> ``vegetation``). `thirteen` names the classes
    of a smaller protocol that is scored besides.
    """

    name: str
    classes: tuple[str, ...]
    palette: tuple[Colour, ...]
    aliases: Mapping[str, str] = field(default_factory=dict)
    thirteen: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.classes)

    def train_id(self, class_name: str) -> int:
        """Channel of a class, by its own name or an alias; IGNORE where this set lacks it."""
        own = self.aliases.get(class_name, class_name)
        return self.classes.index(own) if own in self.classes else IGNORE

    def table(self, ids: RawIds) -> bytes:
        """Lookup table of 65536 train ids for raw ids of up to 16 bits: IGNORE where ignored, UNKNOWN where undefined.

        Raises:
            ConfigError: no class of the data set is in this label set.
        """
        train_ids = {raw: IGNORE if name is None else self.train_id(name) for raw, name in ids.items()}
        if all(train_id == IGNORE for train_id in train_ids.values()):
            names = ", ".join(sorted({name for name in ids.values() if name is not None}))
            raise ConfigError(
                f"no class of the data ({names}) is in label set {self.name!r} ({', '.join(self.classes)})"
            )
        table = bytearray([UNKNOWN]) * RAW_IDS
        for raw, train_id in train_ids.items():
            table[raw] = train_id
        return bytes(table)


_CITYSCAPES_COLOURS: dict[str, Colour] = {
    "road": (128, 64, 128),
    "sidewalk": (244, 35, 232),
    "building": (70, 70, 70),
    "wall": (102, 102, 156),
    "fence": (190, 153, 153),
    "pole": (153, 153, 153),
    "traffic light": (250, 170, 30),
    "traffic sign": (220, 220, 0),
    "vegetation": (107, 142, 35),
    "terrain": (152, 251, 152),
    "sky": (70, 130, 180),
    "person": (220, 20, 60),
    "rider": (255, 0, 0),
    "car": (0, 0, 142),
    "truck": (0, 0, 70),
    "bus": (0, 60, 100),
    "train": (0, 80, 100),
    "motorcycle": (0, 0, 230),
    "bicycle": (119, 11, 32),
}

_CAMVID_COLOURS: dict[str, Colour] = {
    "sky": (128, 128, 128),
    "building": (128, 0, 0),
    "pole": (192, 192, 128),
    "road": (128, 64, 128),
    "pavement": (60, 40, 222),
    "tree": (128, 128, 0),
    "sign symbol": (192, 128, 128),
    "fence": (64, 64, 128),
    "car": (64, 0, 128),
    "pedestrian": (64, 64, 0),
    "bicyclist": (0, 128, 192),
}

# CamVid draws a cyclist and the bicycle as one; most of those pixels are the rider.
_CAMVID_IN_CITYSCAPES = {
    "pavement": "sidewalk",
    "tree": "vegetation",
    "sign symbol": "traffic sign",
    "pedestrian": "person",
    "bicyclist": "rider",
}

# How CamVid's 32 classes were grouped into 11 (SegNet): trucks and buses are cars, walls are buildings, …
_CITYSCAPES_IN_CAMVID = {
    "sidewalk": "pavement",
    "vegetation": "tree",
    "terrain": "tree",
    "traffic sign": "sign symbol",
    "traffic light": "sign symbol",
    "person": "pedestrian",
    "rider": "bicyclist",
    "bicycle": "bicyclist",
    "truck": "car",
    "bus": "car",
    "wall": "building",
}


def _cityscapes_subset(name: str, left_out: frozenset[str] = frozenset()) -> LabelSet:
    kept = {cls: colour for cls, colour in _CITYSCAPES_COLOURS.items() if cls not in left_out}
    return LabelSet(name=name, classes=tuple(kept), palette=tuple(kept.values()), aliases=_CAMVID_IN_CITYSCAPES)


_NOT_IN_SYNTHIA = frozenset({"terrain", "truck", "train"})
_THIN_OR_RARE = frozenset({"wall", "fence", "pole"})  # what the 13-class protocols leave out besides
_SYNTHIA13 = _cityscapes_subset("synthia13", _NOT_IN_SYNTHIA | _THIN_OR_RARE)

LABEL_SETS: dict[str, LabelSet] = {
    label_set.name: label_set
    for label_set in (
        _cityscapes_subset("cityscapes19"),
        replace(_cityscapes_subset("synthia16", _NOT_IN_SYNTHIA), thirteen=_SYNTHIA13.classes),
        _SYNTHIA13,
        _cityscapes_subset("crosscity13", _NOT_IN_SYNTHIA | _THIN_OR_RARE),
        LabelSet(
            name="camvid11",
            classes=tuple(_CAMVID_COLOURS),
            palette=tuple(_CAMVID_COLOURS.values()),
            aliases=_CITYSCAPES_IN_CAMVID,
        ),
    )
}

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

CAMVID_IDS: RawIds = {**dict(enumerate(_CAMVID_COLOURS)), 11: None}


def train_ids(label_set: LabelSet) -> RawIds:
    """Raw ids of files that already hold a label set's train ids (…_labelTrainIds.png): 255 is ignored."""
    return {**dict(enumerate(label_set.classes)), IGNORE: None}


def cityscapes_ids(label_set: LabelSet) -> tuple[int, ...] | None:
    """Cityscapes' raw id of each class of a label set; None if it has a class that Cityscapes has not."""
    ids = {name: raw for raw, name in CITYSCAPES_IDS.items() if name is not None}
    return tuple(ids[name] for name in label_set.classes) if ids.keys() >= set(label_set.classes) else None


def find_label_set(name: str) -> LabelSet:
    """A label set by name.

    Raises:
        ConfigError: there is none of that name; the message lists those there are.
    """
    if name not in LABEL_SETS:
        raise ConfigError(f"label_set = {name!r} is unknown: choose one of {', '.join(LABEL_SETS)}")
    return LABEL_SETS[name]
