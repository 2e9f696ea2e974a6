"""From the file of a network to a function from images to labels, the same wherever it serves."""

from dataclasses import dataclass
from pathlib import Path
from typing import Self

import torch
from torch import Tensor

from msl import schema
from msl.checkpoints.checkpoint import Saved, load_network
from msl.config import DeviceConfig, InputConfig, parse_size, validated
from msl.data import Resized
from msl.data.images import UInt8
from msl.errors import ConfigError
from msl.labels import LabelSet, find_label_set
from msl.models import SegmentationNetwork
from msl.models.devices import place, prepare
from msl.scoring.prediction import predict, predict_with_confidence, views

INPUT = "input"  # what a packaged network's file says of how it is to see images


@dataclass(frozen=True)
class Prediction:
    """What a network sees in an image, at the image's full resolution, on the CPU."""

    label: Tensor  # (H, W) uint8 train ids
    confidence: Tensor | None  # (H, W) float32, probability of that class


@dataclass(frozen=True)
class Predictor:
    """A network with its preprocessing, from the stretch to its input's size on."""

    model: SegmentationNetwork  # in eval mode, on its device
    label_set: LabelSet
    resized: Resized
    flip: bool

    @classmethod
    def of(cls, saved: Saved, path: Path, asked: InputConfig, device: DeviceConfig) -> Self:
        """The network of a checkpoint.

        Args:
            saved: what `read` gave.
            path: where from, for messages.
            asked: how it is to see images; what is left open is as in its training.
            device: what it is to run on.

        Raises:
            MslError: the network cannot be built, its input's size is not known, or there is no such device.
        """
        if INPUT in saved and asked == InputConfig():
            asked = validated(InputConfig, saved[INPUT])
        size = input_size(saved, path, asked)
        model = load_network(saved, path)
        place(model, prepare(device))
        resized = Resized(size, asked.eval_scales)
        return cls(model.eval(), find_label_set(saved["label_set"]), resized, asked.eval_flip)

    @torch.inference_mode()
    def __call__(self, image: UInt8, confidence: bool = False) -> Prediction:
        """The prediction for an image (H, W, 3) RGB; the same labels as evaluation's, with `confidence` or without."""
        seen = views(self.model, self.resized(torch.from_numpy(image).permute(2, 0, 1)), self.flip)
        if not confidence:
            return Prediction(predict(seen, image.shape[:2])[0].cpu(), None)
        label, probability = predict_with_confidence(seen, image.shape[:2])
        return Prediction(label[0].cpu(), probability[0].cpu())


def input_size(saved: Saved, path: Path, asked: InputConfig) -> tuple[int, int]:
    """Width and height of the network's input: as asked, or that of target images in its training.

    Raises:
        ConfigError: nothing is asked, and the file does not tell.
    """
    trained = saved["settings"]
    if asked.crop_size is not None:
        return asked.crop_size
    if not trained:
        raise ConfigError(f"{path} does not say at which size it was trained: pass crop_size=WIDTH,HEIGHT")
    name = f"{schema.TARGET}_crop_size"
    return parse_size(trained.get(name) or trained["crop_size"])
