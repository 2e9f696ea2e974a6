"""Predictions as label files that other programs read, Cityscapes' own scripts among them."""

from pathlib import Path

import numpy as np
from PIL import Image
from torch import Tensor

from msl.errors import ConfigError
from msl.labels import LabelSet, cityscapes_ids


class LabelFiles:
    """Writes each prediction as it comes: ``FOLDER/<name>_pred_labelIds.png``, one id a pixel, in the classes' colours.

    The ids are Cityscapes' labelIds where the label set is a part of Cityscapes' classes. Another one's predictions are
    written in its own train ids, as ``<name>_pred_trainIds.png``.
    """

    def __init__(self, folder: Path, label_set: LabelSet) -> None:
        self._folder = folder
        ids = cityscapes_ids(label_set)
        self._suffix = "_pred_trainIds.png" if ids is None else "_pred_labelIds.png"
        self._ids = np.array(ids or range(len(label_set)), np.uint8)
        palette = np.zeros((256, 3), np.uint8)
        palette[self._ids] = label_set.palette
        self._palette = palette.tobytes()
        self._make(folder)

    def __call__(self, name: str, prediction: Tensor) -> None:
        """Write the prediction (H, W) of the image with that name.

        Raises:
            ConfigError: the folder cannot be written, or the disk is full.
        """
        path = self._folder / f"{name}{self._suffix}"
        self._make(path.parent)
        image = Image.fromarray(self._ids[prediction.numpy()])
        image.putpalette(self._palette)
        try:
            image.save(path)
        except OSError as error:
            raise _unwritable(path, error) from error

    def _make(self, folder: Path) -> None:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise _unwritable(folder, error) from error


def _unwritable(path: Path, error: OSError) -> ConfigError:
    return ConfigError(f"export: {path} cannot be written: {error.strerror or error}. Name another folder.")
