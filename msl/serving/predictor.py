"""A network as a function from images to labels, the same in every command and server."""

from dataclasses import dataclass
from pathlib import Path
from typing import Self

import torch
from torch import Tensor

from msl import schema
from msl.checkpoints import Checkpoint, about_network, load_network
from msl.config import DeviceConfig, InputConfig, parse_size, validated
from msl.data import Resized
from msl.data.images import UInt8
from msl.errors import ConfigError
from msl.labels import LabelSet
from msl.models import SegmentationNetwork
from msl.models.devices import prepare, to_device
from msl.scoring.prediction import predict, predict_with_confidence, views


@dataclass(frozen=True)
class Prediction:
    """The labels that a network predicts for an image, at the image's full resolution, on the CPU."""

    label: Tensor  # (H, W) uint8 train ids
    confidence: Tensor | None  # (H, W) float32, probability of that class


@dataclass(frozen=True)
class Predictor:
    """A network with its preprocessing, which begins with the resize to its input's size."""

    model: SegmentationNetwork  # in eval mode, on its device
    label_set: LabelSet
    resized: Resized
    flip: bool

    @classmethod
    def of(cls, checkpoint: Checkpoint, title: Path | str, view: InputConfig, device: DeviceConfig) -> Self:
        """The network of a checkpoint.

        Args:
            checkpoint: what `read` gave.
            title: its file or reference, for messages.
            view: how the network sees images; settings that are not given are as in its training.
            device: where the network runs.

        Raises:
            MslError: the network cannot be built, its input's size is not known, or there is no such device.
        """
        if checkpoint.about.view is not None and view == InputConfig():
            view = validated(InputConfig, checkpoint.about.view)
        size = input_size(checkpoint, title, view)
        model = load_network(checkpoint, title)
        to_device(model, prepare(device))
        resized = Resized(size, view.eval_scales)
        return cls(model.eval(), about_network(checkpoint, title).labels, resized, view.eval_flip)

    @torch.inference_mode()
    def __call__(self, image: UInt8, confidence: bool = False) -> Prediction:
        """The prediction for an image (H, W, 3) RGB; the same labels as evaluation's, with `confidence` or without."""
        inputs = views(self.model, self.resized(torch.from_numpy(image).permute(2, 0, 1)), self.flip)
        if not confidence:
            return Prediction(predict(inputs, image.shape[:2])[0].cpu(), None)
        label, probability = predict_with_confidence(inputs, image.shape[:2])
        return Prediction(label[0].cpu(), probability[0].cpu())


def input_size(checkpoint: Checkpoint, title: Path | str, view: InputConfig) -> tuple[int, int]:
    """Width and height of the network's input: as `view` says, or as for target images in its training.

    Raises:
        ConfigError: neither `view` nor the file gives it.
    """
    if view.crop_size is not None:
        return view.crop_size
    settings = checkpoint.about.settings
    if not settings:
        raise ConfigError(f"{title} does not say at which size it was trained: pass crop_size=WIDTH,HEIGHT")
    return parse_size(settings.get(f"{schema.TARGET}_crop_size") or settings["crop_size"])
