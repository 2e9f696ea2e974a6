"""A trained network as a function from images to labels."""

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from msl.config import PredictConfig
from msl.data.images import UInt8, decode_image, opaque_rgb, read_image, reason
from msl.errors import ConfigError, DataError
from msl.inputs.networks import find_network
from msl.labels import IGNORE, Colour
from msl.serving.predictor import Predictor

_PATHS = {"images": Path(), "output": Path()}  # required settings of stage predict that one image does not need
_REFUSED = ("ids", "overlay", "confidence")  # settings of its files


@dataclass(frozen=True)
class PredictedImage:
    """What a network predicts for an image, at the image's full resolution."""

    labels: UInt8  # (H, W): positions in `classes`
    confidence: NDArray[np.float32]  # (H, W): probability of that class, 0 to 1
    classes: tuple[str, ...]
    palette: tuple[Colour, ...]  # the colour of each class

    @property
    def colours(self) -> UInt8:
        """The labels in the classes' colours, (H, W, 3) RGB."""
        table = np.zeros((IGNORE + 1, 3), np.uint8)
        table[: len(self.palette)] = self.palette
        return table[self.labels]

    def shares(self) -> dict[str, float]:
        """The percentage of the image that each class covers; classes that are absent are left out."""
        counts = np.bincount(self.labels.ravel(), minlength=len(self.classes))
        return {
            name: 100 * int(count) / self.labels.size for name, count in zip(self.classes, counts, strict=True) if count
        }


@dataclass(frozen=True)
class LoadedNetwork:
    """A trained network; call it with an image."""

    reference: str  # the file that was loaded
    step: int  # iteration of its training
    _predictor: Predictor

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes that it predicts."""
        return self._predictor.label_set.classes

    def __call__(self, image: str | Path | bytes | Image.Image | NDArray[Any]) -> PredictedImage:
        """Predict one image: the labels that stage predict writes.

        Args:
            image: a file, its content, an image of Pillow, or an array: (H, W, 3) RGB or (H, W) grey, uint8.

        Raises:
            DataError: the image cannot be read, or the array has another shape or type.
        """
        prediction = self._predictor(_pixels(image), confidence=True)
        assert prediction.confidence is not None
        label_set = self._predictor.label_set
        return PredictedImage(
            prediction.label.numpy().astype(np.uint8),
            prediction.confidence.numpy(),
            label_set.classes,
            label_set.palette,
        )


def load(checkpoint: str | Path, **settings: Any) -> LoadedNetwork:
    """A trained network, with the BatchNorm statistics of its file, also if its run was scored with others.

    Args:
        checkpoint: a file, ``runs:/RUN_ID`` for the run's best checkpoint, ``runs:/RUN_ID/checkpoints/last.pt``,
            ``models:/NAME@ALIAS`` or ``models:/NAME/VERSION``.
        settings: those of stage predict: crop_size, eval_flip, eval_scales, dilations, device, threads.

    Raises:
        MslError: there is no such checkpoint, it holds no segmentation network, or a setting does not fit.
    """
    config = _config(str(checkpoint), settings)
    with TemporaryDirectory() as folder:
        origin = find_network(None, str(checkpoint), Path(folder), config.file)
    predictor = Predictor.of(origin.checkpoint, origin.reference, config.input, config.device)
    return LoadedNetwork(origin.reference, origin.checkpoint.step, predictor)


def _config(checkpoint: str, settings: dict[str, Any]) -> PredictConfig:
    options = [name for name in PredictConfig.options() if name not in (*_PATHS, *_REFUSED, "checkpoint")]
    if unknown := settings.keys() - set(options):
        raise ConfigError(f"{', '.join(sorted(unknown))}: load has no such setting; it has {', '.join(options)}")
    return PredictConfig.of(checkpoint=checkpoint, **_PATHS, **settings)


def _pixels(image: str | Path | bytes | Image.Image | NDArray[Any]) -> UInt8:
    if isinstance(image, str | Path):
        return read_image(Path(image))
    if isinstance(image, np.ndarray):
        return _array(image)
    try:
        return decode_image(image) if isinstance(image, bytes) else opaque_rgb(image)
    except Exception as error:  # as in `read_image`: decoders raise many kinds
        raise DataError(f"the image {reason(error)}") from error


def _array(image: NDArray[Any]) -> UInt8:
    is_grey = image.ndim == 2
    if image.dtype != np.uint8 or not (is_grey or (image.ndim == 3 and image.shape[2] == 3)) or not image.size:
        raise DataError(
            f"the image is an array of {image.dtype} with shape {image.shape}: pass (H, W, 3) RGB or (H, W) grey of "
            "uint8, 0 to 255. From floats of 0 to 1: (255 * image).round().astype('uint8')."
        )
    return np.array(np.stack([image] * 3, axis=2) if is_grey else image)  # a copy: PyTorch refuses read-only arrays
