"""Predictions as label files that other programs read, Cityscapes' own scripts among them."""

from pathlib import Path

import numpy as np
from PIL import Image
from torch import Tensor

from msl.errors import ConfigError
from msl.files import make_folder, whole_file
from msl.labels import LabelSet, cityscapes_ids


class LabelImages:
    """Predictions as images with one id for each pixel, which programs show in the classes' colours.

    The ids are Cityscapes' labelIds if the label set is a part of Cityscapes' classes. Otherwise, and always with
    `train_ids`, they are the label set's train ids. `kind` says which: labelIds or trainIds.
    """

    def __init__(self, label_set: LabelSet, train_ids: bool = False) -> None:
        ids = None if train_ids else cityscapes_ids(label_set)
        self.kind = "trainIds" if ids is None else "labelIds"
        self.ids = dict(zip(label_set.classes, ids or range(len(label_set)), strict=True))
        self._table = np.array(list(self.ids.values()), np.uint8)
        palette = np.zeros((256, 3), np.uint8)
        palette[self._table] = label_set.palette
        self._palette = palette.tobytes()

    def __call__(self, prediction: Tensor) -> Image.Image:
        """The prediction (H, W) of train ids, on the CPU, as a palette image."""
        image = Image.fromarray(self._table[prediction.numpy()])
        image.putpalette(self._palette)
        return image


class LabelFiles:
    """Writes each prediction as it comes: ``FOLDER/<name>_pred_labelIds.png``, or trainIds; see `LabelImages`."""

    def __init__(self, folder: Path, label_set: LabelSet, train_ids: bool = False) -> None:
        self._folder = folder
        self._images = LabelImages(label_set, train_ids)
        make_folder(folder, ConfigError)

    def __call__(self, name: str, prediction: Tensor) -> None:
        """Write the prediction (H, W) of the image with that name; raises as `write_image` does."""
        write_image(self._images(prediction), self._folder / f"{name}_pred_{self._images.kind}.png")


def write_image(image: Image.Image, path: Path) -> None:
    """Write an image in the format that its suffix names.

    Raises:
        ConfigError: the folder cannot be written, or the disk is full.
    """
    with whole_file(path, ConfigError, durable=False) as temporary:
        image.save(temporary)
