"""SYNTHIA-RAND-CITYSCAPES: 9 400 rendered frames of 1280×760 with Cityscapes-compatible labels, 16 shared classes.

Ros et al., *The SYNTHIA Dataset*, CVPR 2016. It has no official split: lists ``train.txt`` and ``val.txt`` are used
if they exist, otherwise every 20th frame is held out for validation.
"""

from pathlib import Path

from msl.data.files import FilePair
from msl.data.images import decode_synthia
from msl.data.layout import Layout
from msl.data.lists import distinct, listed
from msl.labels import SYNTHIA_IDS

_HELD_OUT = 20


def _names(root: Path, split: str) -> list[str]:
    lines = listed(root, f"{split}.txt", f"list/{split}.txt")
    if lines is not None:
        return distinct(lines, lambda line: f"{line.frame():07d}")
    names = sorted(path.stem for path in (root / "RGB").glob("*.png"))
    held_out = names[_HELD_OUT - 1 :: _HELD_OUT]
    return held_out if split == "val" else sorted(set(names) - set(held_out))


def _find(root: Path, split: str) -> list[FilePair]:
    labels = root / "GT" / "LABELS"
    return [FilePair(name, root / "RGB" / f"{name}.png", labels / f"{name}.png") for name in _names(root, split)]


SYNTHIA = Layout(
    name="synthia",
    label_set="synthia16",
    ids=SYNTHIA_IDS,
    folders=("synthia", "RAND_CITYSCAPES", "SYNTHIA-RAND-CITYSCAPES"),
    splits=("train", "val"),
    find=_find,
    homepage="https://synthia-dataset.net",
    decode_label=decode_synthia,
)
