"""Images to score, several at a time where a GPU gains by it."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from msl.data.loaders import Scorable

_PIXELS = 2**22  # of the network's input in one pass on a GPU: five images of 1280x640, two of 2048x1024


@dataclass(frozen=True)
class ScoredBatch:
    """Images of one size, with labels of one size."""

    images: list[Tensor]  # (N, 3, H, W) uint8 RGB on the device, one for each input size of the network
    label: Tensor  # (N, H, W) uint8 train ids on the device
    names: tuple[str, ...]


def batches(samples: Iterable[Scorable], device: torch.device) -> Iterator[ScoredBatch]:
    """The samples in their order, on the device: one at a time on a CPU, and as many as fit on a GPU.

    A batch has images of one size; its pixels are bounded, so that memory is, too.
    """
    waiting: list[Scorable] = []
    for sample in samples:
        if waiting and _sizes(sample) != _sizes(waiting[0]):
            yield _batch(waiting, device)
            waiting = []
        waiting.append(sample)
        if len(waiting) == _most(sample, device):
            yield _batch(waiting, device)
            waiting = []
    if waiting:
        yield _batch(waiting, device)


def _most(sample: Scorable, device: torch.device) -> int:
    """Images of this size in a batch. On a CPU, more would not be faster, and other sizes round differently."""
    if device.type == "cpu":
        return 1
    largest = max(image[0].numel() for image in sample.images)
    return max(1, _PIXELS // max(largest, sample.label.numel() // 2))


def _sizes(sample: Scorable) -> list[torch.Size]:
    return [tensor.shape for tensor in sample.tensors()]


def _batch(samples: list[Scorable], device: torch.device) -> ScoredBatch:
    images = [_on(torch.stack(views), device) for views in zip(*(sample.images for sample in samples), strict=True)]
    label = _on(torch.stack([sample.label for sample in samples]), device)
    return ScoredBatch(images, label, tuple(sample.name for sample in samples))


def _on(tensor: Tensor, device: torch.device) -> Tensor:
    """The tensor on the device; a GPU copies it while it computes, out of memory that it reads itself."""
    return tensor.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else tensor.to(device)
