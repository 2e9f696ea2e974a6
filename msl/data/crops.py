"""Random crops of images that were stretched and augmented before."""

import torch
from torch import Tensor

from msl.data.loaders import Augmentation
from msl.data.rare_classes import RareClasses
from msl.data.seeds import mixed_seed

_TRIES = 10  # as in DAFormer


class RandomCrop:
    """Cuts the same random rectangle out of image and label; of some, the first that keeps enough of a rare class."""

    def __init__(self, transform: Augmentation, size: tuple[int, int], rare: RareClasses | None) -> None:
        """Set it up.

        Args:
            transform: what happens before.
            size: width and height of the rectangle, at most those of the images.
            rare: that chose the image, if it did.
        """
        self._transform, self._size, self._rare = transform, size, rare

    def __call__(self, image: Tensor, label: Tensor, seed: int) -> tuple[Tensor, Tensor]:
        """(3, H, W) and (H, W) uint8 in, (3, h, w) and (h, w) out; the same `seed` always does the same."""
        image, label = self._transform(image, label, seed)
        generator = torch.Generator().manual_seed(mixed_seed(seed, "crop"))
        for _ in range(1 if self._rare is None else _TRIES):
            rows, columns = self._rectangle(label, generator)
            if self._rare is None or self._rare.keeps_enough(label[rows, columns], label, seed):
                break
        return image[:, rows, columns], label[rows, columns]

    def _rectangle(self, label: Tensor, generator: torch.Generator) -> tuple[slice, slice]:
        width, height = self._size
        top, left = (
            int(torch.randint(free + 1, (), generator=generator))
            for free in (label.shape[0] - height, label.shape[1] - width)
        )
        return slice(top, top + height), slice(left, left + width)
