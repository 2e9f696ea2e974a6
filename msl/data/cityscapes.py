"""Cityscapes, fine annotations: 2 975 training and 500 validation images of 2048×1024, 19 classes.

Cordts et al., *The Cityscapes Dataset for Semantic Urban Scene Understanding*, CVPR 2016.
"""

from pathlib import Path

from msl.data.files import FilePair
from msl.data.layout import Layout
from msl.labels import CITYSCAPES_IDS

_IMAGE, _LABEL = "_leftImg8bit.png", "_gtFine_labelIds.png"


def _find(root: Path, split: str) -> list[FilePair]:
    pairs = []
    for image in sorted((root / "leftImg8bit" / split).glob(f"*/*{_IMAGE}")):
        city, frame = image.parent.name, image.name.removesuffix(_IMAGE)
        pairs.append(FilePair(f"{split}/{frame}", image, root / "gtFine" / split / city / f"{frame}{_LABEL}"))
    return pairs


CITYSCAPES = Layout(
    name="cityscapes",
    label_set="cityscapes19",
    ids=CITYSCAPES_IDS,
    folders=("cityscapes",),
    splits=("train", "val", "test"),
    find=_find,
    homepage="https://www.cityscapes-dataset.com",
)
