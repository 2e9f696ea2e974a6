"""CrossCity (NTHU): four cities, 3 200 unlabelled images and 100 labelled ones each, 13 classes.

Chen et al., *No More Discrimination: Cross City Adaptation of Road Scene Segmenters*, ICCV 2017.
"""

from functools import partial
from pathlib import Path

from msl.data.files import FilePair
from msl.data.layout import Layout
from msl.data.names import unique_names
from msl.labels import CITYSCAPES_IDS

CITIES = ("Rome", "Rio", "Tokyo", "Taipei")
_FOLDERS = {"train": "Train", "val": "Test"}
_SUFFIXES = {".jpg", ".png"}


def _find(city: str, root: Path, split: str) -> list[FilePair]:
    folder = _FOLDERS[split]
    labels = root / city / "Labels" / folder
    images = sorted(p for p in (root / city / "Images" / folder).glob("*") if p.suffix.lower() in _SUFFIXES)
    names = unique_names([f"{city}/{split}/{image.name}" for image in images])
    return [FilePair(name, image, labels / f"{image.stem}_eval.png") for name, image in zip(names, images, strict=True)]


ROME, RIO, TOKYO, TAIPEI = (
    Layout(
        name=f"crosscity_{city.lower()}",
        label_set="crosscity13",
        ids=CITYSCAPES_IDS,
        folders=("crosscity", "NTHU_Datasets", "NTHU"),
        splits=("train", "val"),
        find=partial(_find, city),
        homepage="https://yihsinchen.github.io/segmentation_adaptation/",
    )
    for city in CITIES
)
