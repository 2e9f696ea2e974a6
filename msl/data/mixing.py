"""Mixed images: classes of a labelled image on another image, in random colours, blurred, or with blocks left out.

Olsson et al., *ClassMix*, WACV 2021, arXiv:2007.07936; Tranheden et al., *DACS*, WACV 2021, arXiv:2007.08702; the
blocks: Hoyer et al., *MIC*, CVPR 2023, arXiv:2212.01322. Everything is drawn from seeds on the CPU: nothing waits
for a GPU, and with a GPU the draws are the same.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as fn
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional as tvf

from msl.labels import IGNORE

_LABELS = 256  # values of a label of 8 bits
_SIGMAS = 0.15, 1.15  # of the blur, in pixels, as in DACS
_KERNEL = 9  # pixels; covers ±3 σ of the widest blur
_MEAN_COLOUR = 0.485, 0.456, 0.406  # of ImageNet's images; networks see it as 0, which MIC puts into the blocks


class Mix(NamedTuple):
    """Images of which some pixels come from labelled ones."""

    image: Tensor  # (N, 3, H, W) uint8 RGB
    label: Tensor  # (N, H, W) uint8 train ids, 255 = ignored
    pasted: Tensor  # (N, H, W) bool; the pixels that come from the labelled images


def class_mix(labelled: tuple[Tensor, Tensor], other: tuple[Tensor, Tensor], seeds: Sequence[int]) -> Mix:
    """Paste half of the classes of each labelled image onto the other image, with their labels.

    Args:
        labelled: images (N, 3, h, w) uint8 and labels (N, h, w) uint8; they are resized if their size is another one.
        other: images (N, 3, H, W) uint8 and labels (N, H, W) uint8.
        seeds: one for each image.
    """
    image, label = _resized(*labelled, other[0].shape[-2:])
    pasted = class_mask(label, seeds)
    return Mix(torch.where(pasted[:, None], image, other[0]), torch.where(pasted, label, other[1]), pasted)


def class_mask(label: Tensor, seeds: Sequence[int]) -> Tensor:
    """The pixels of half of each label's classes, rounded up, drawn without replacement.

    Args:
        label: (N, H, W) uint8 train ids; ignored pixels are of no class.
        seeds: one for each label.

    Returns:
        (N, H, W) bool.
    """
    indices = label.flatten(1).long()  # (N, H·W)
    is_present = torch.zeros(len(label), _LABELS, dtype=torch.bool, device=label.device)
    is_present.scatter_(1, indices, value=True)
    is_present[:, IGNORE] = False
    draws = torch.stack([_uniform((_LABELS,), seed) for seed in seeds]).to(label.device, non_blocking=True)
    rank = draws.masked_fill(~is_present, 2.0).argsort(dim=1).argsort(dim=1)  # (N, 256); absent classes come last
    half = (is_present.sum(dim=1, keepdim=True) + 1) // 2  # (N, 1)
    return ((rank < half) & is_present).gather(1, indices).view_as(label)


class Distortion:
    """Random colours, then a blur, each with its probability."""

    def __init__(self, jitter: float, jitter_share: float, blur_share: float) -> None:
        """Set it up.

        Args:
            jitter: largest relative change of brightness, contrast and saturation, and of the hue's whole circle.
            jitter_share: probability of other colours.
            blur_share: probability of a blur, whose σ is uniform in 0.15 to 1.15 pixels.
        """
        self._jitter = v2.ColorJitter(jitter, jitter, jitter, jitter)
        self._jitter_share, self._blur_share = jitter_share, blur_share

    def __call__(self, image: Tensor, seeds: Sequence[int]) -> Tensor:
        """Images (N, 3, H, W) in [0, 1], each changed by its own seed; the process's random state stays as it was."""
        return torch.stack([self._changed(single, seed) for single, seed in zip(image, seeds, strict=True)])

    def _changed(self, image: Tensor, seed: int) -> Tensor:
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(seed)
            if torch.rand(()) < self._jitter_share:
                image = self._jitter(image)
            if torch.rand(()) < self._blur_share:
                sigma = torch.empty(()).uniform_(*_SIGMAS).item()
                image = tvf.gaussian_blur_image(image, [_KERNEL, _KERNEL], [sigma, sigma])
        return image


def without_blocks(image: Tensor, side: int, share: float, seeds: Sequence[int]) -> Tensor:
    """Images whose square blocks are grey with a probability.

    Args:
        image: (N, 3, H, W) in [0, 1].
        side: of a block, in pixels; those at the right and at the bottom may be smaller.
        share: the probability.
        seeds: one for each image.
    """
    height, width = image.shape[-2:]
    grid = -(-height // side), -(-width // side)
    is_left_out = torch.stack([_uniform(grid, seed) < share for seed in seeds])  # (N, rows, columns)
    blocks = is_left_out.repeat_interleave(side, 1).repeat_interleave(side, 2)[:, :height, :width]
    grey = torch.tensor(_MEAN_COLOUR, dtype=image.dtype).view(3, 1, 1)
    return torch.where(blocks[:, None].to(image.device), grey.to(image.device), image)


def _uniform(shape: tuple[int, ...], seed: int) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def _resized(image: Tensor, label: Tensor, size: Sequence[int]) -> tuple[Tensor, Tensor]:
    if image.shape[-2:] == torch.Size(size):
        return image, label
    smooth: Tensor = tvf.resize_image(image, list(size), antialias=True)
    return smooth, fn.interpolate(label[:, None], list(size), mode="nearest-exact")[:, 0]
