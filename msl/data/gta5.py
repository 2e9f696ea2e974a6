"""GTA5: 24 966 frames of a game at 1914×1052, with Cityscapes' classes and ids.

Richter et al., *Playing for Data: Ground Truth from Computer Games*, ECCV 2016. Its split of 12 403 / 6 382 / 6 181
frames is in ``split.mat``, which comes with the authors' code. Some copies have unreadable and black frames, labels of
another size than their image, and a few frames of 1914×1046.
"""

from pathlib import Path

import scipy.io

from msl.data.files import FilePair
from msl.data.layout import Layout
from msl.data.lists import distinct, listed
from msl.errors import DataError
from msl.labels import CITYSCAPES_IDS

_SPLITS = ("train", "val", "test")


def _frames(root: Path, split: str) -> list[int]:
    lists = (f"{split}.txt", f"list/{split}.txt")
    lines = listed(root, *lists)
    if lines is not None:
        return [int(frame) for frame in distinct(lines, lambda line: str(line.frame()))]
    if (root / "split.mat").is_file():
        return [int(frame) for frame in scipy.io.loadmat(root / "split.mat")[f"{split}Ids"].ravel()]
    raise DataError(
        f"gta5: {root} has neither {' nor '.join(lists)} (one frame number per line) nor the authors' split.mat: add "
        "them, because they say which frames are for training and which for scores"
    )


def _find(root: Path, split: str) -> list[FilePair]:
    names = [f"{frame:05d}" for frame in _frames(root, split)]
    return [FilePair(name, root / "images" / f"{name}.png", root / "labels" / f"{name}.png") for name in names]


GTA5 = Layout(
    name="gta5",
    label_set="cityscapes19",
    ids=CITYSCAPES_IDS,
    folders=("gta5",),
    splits=_SPLITS,
    find=_find,
    homepage="https://download.visinf.tu-darmstadt.de/data/from_games/",
    one_size=True,
)
