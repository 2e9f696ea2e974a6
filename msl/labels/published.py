"""The label sets of published benchmarks, by name."""

from collections.abc import Mapping
from dataclasses import replace

from msl.errors import ConfigError
from msl.labels.label_set import Colour, LabelSet
from msl.labels.names import nearest

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
    colours = {cls: colour for cls, colour in _CITYSCAPES_COLOURS.items() if cls not in left_out}
    return LabelSet(name=name, classes=tuple(colours), palette=tuple(colours.values()), aliases=_CAMVID_IN_CITYSCAPES)


_NOT_IN_SYNTHIA = frozenset({"terrain", "truck", "train"})
_THIN_OR_RARE = frozenset({"wall", "fence", "pole"})  # the 13-class protocols leave these out, too
_SYNTHIA13 = _cityscapes_subset("synthia13", _NOT_IN_SYNTHIA | _THIN_OR_RARE)

CAMVID11 = LabelSet(
    name="camvid11",
    classes=tuple(_CAMVID_COLOURS),
    palette=tuple(_CAMVID_COLOURS.values()),
    aliases=_CITYSCAPES_IN_CAMVID,
)

LABEL_SETS: Mapping[str, LabelSet] = {
    label_set.name: label_set
    for label_set in (
        _cityscapes_subset("cityscapes19"),
        replace(_cityscapes_subset("synthia16", _NOT_IN_SYNTHIA), thirteen=_SYNTHIA13.classes),
        _SYNTHIA13,
        _cityscapes_subset("crosscity13", _NOT_IN_SYNTHIA | _THIN_OR_RARE),
        CAMVID11,
    )
}


def find_label_set(name: str) -> LabelSet:
    """A label set by name.

    Raises:
        ConfigError: no label set has that name; the message lists similar names and all names.
    """
    if name not in LABEL_SETS:
        hint = nearest(name, LABEL_SETS)
        raise ConfigError(f"label_set = {name!r} is unknown: {hint}choose one of {', '.join(LABEL_SETS)}")
    return LABEL_SETS[name]
