"""Rare-class sampling: images with rare classes come more often (Hoyer et al., *DAFormer*, CVPR 2022, section 3.3)."""

import torch
from torch import Tensor

from msl.data.seeds import mixed_seed
from msl.errors import ConfigError

# Pixels of a frame of GTA5, in which DAFormer wants more than 3 000 pixels of a class.
_REFERENCE_AREA = 1914 * 1052
_LEAST_SHARE = 0.5  # of that number, which a crop keeps


class RareClasses:
    """Draws a class with P(c) = softmax((1 - f_c) / T), then an image with enough pixels of it.

    f_c is the class's share of all labelled pixels. A class that no image has enough of is never drawn.
    """

    def __init__(self, pixels: Tensor, temperature: float, least_pixels: int) -> None:
        """Set it up.

        Args:
            pixels: (images, C + 1), as `class_pixels` counts them.
            temperature: T; a small one prefers the rarest classes.
            least_pixels: an image must have more pixels of the class, in an image of 1914x1052; scaled by area.

        Raises:
            ConfigError: no image has enough pixels of any class.
        """
        area, self._least = pixels.sum(dim=1, keepdim=True), least_pixels / _REFERENCE_AREA
        has_enough = pixels[:, :-1] > self._least * area  # (images, C)
        if not has_enough.any():
            raise ConfigError(
                f"rare_pixels = {least_pixels}: no image has so many pixels of a class, scaled by its area. Lower "
                "rare_pixels, or pass sampling=uniform."
            )
        self._images = [column.nonzero().flatten() for column in has_enough.T]
        total = pixels[:, :-1].sum(dim=0).double()  # (C,)
        score = (1 - total / total.sum()) / temperature
        self.probability = score.masked_fill(~has_enough.any(dim=0), float("-inf")).softmax(dim=0)  # (C,)

    def draw(self, seed: int) -> tuple[int, int]:
        """A class and the index of an image; the same seed always gives the same."""
        generator = torch.Generator().manual_seed(mixed_seed(seed, "rare class"))
        train_id = int(torch.multinomial(self.probability, 1, generator=generator))
        images = self._images[train_id]
        return train_id, int(images[torch.randint(len(images), (), generator=generator)])

    def image(self, seed: int) -> int:
        """The index of the image that `draw` gives."""
        return self.draw(seed)[1]

    def keeps_enough(self, part: Tensor, whole: Tensor, seed: int) -> bool:
        """Whether a part of a label still has half of the pixels that an image of the whole's size must have."""
        pixels = int((part == self.draw(seed)[0]).sum())
        return pixels >= _LEAST_SHARE * self._least * whole.numel()
