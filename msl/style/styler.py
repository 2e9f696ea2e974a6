"""What all styles share: images in, what is kept of the style images, their mixture, images in [0, 1] out."""

import logging
import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from msl.errors import ConfigError, DataError
from msl.style.pixels import unit_rgb

log = logging.getLogger("msl")

_ROUNDING = 1e-6  # weights that sum to one but for this are taken as they are


@dataclass(frozen=True)
class StyleStatistics:
    """What a styler keeps of K style images: a few small tensors (K, …) in which its effect is linear.

    So a mixture of styles is the average of their statistics, and costs no more than one style.
    """

    values: tuple[Tensor, ...]

    def __len__(self) -> int:
        return len(self.values[0])

    def mixed(self, weights: Sequence[float]) -> tuple[Tensor, ...]:
        """Σ w·value over the styles, each (1, …)."""
        return tuple(torch.einsum("k...,k->...", v, v.new_tensor(weights)).unsqueeze(0) for v in self.values)


class Styler(nn.Module, ABC):
    """Gives content images the look of style images, at the content's size and clamped to [0, 1]."""

    @abstractmethod
    def statistics_of(self, image: Tensor) -> tuple[Tensor, ...]:
        """What is kept of one style image (1, 3, H, W) in [0, 1]; tensors (1, …)."""

    @abstractmethod
    def restyle(self, content: Tensor, style: tuple[Tensor, ...], alpha: float) -> Tensor:
        """Content (N, 3, H, W) moved the share `alpha` of the way to a mixture of `StyleStatistics`."""

    @torch.no_grad()
    def prepare(self, styles: Tensor | Sequence[Tensor]) -> StyleStatistics:
        """What is kept of style images, to be computed once and passed on in their place.

        Args:
            styles: (K, 3, H, W), or K of (3, h, w) in any sizes; uint8 or RGB in [0, 1].

        Raises:
            DataError: there is none, or one is no RGB image or too small.
        """
        if len(styles) == 0:
            raise DataError("there are no style images: name a folder that has some")
        kept = [
            self.statistics_of(unit_rgb(image.unsqueeze(0), f"style image {k + 1}")) for k, image in enumerate(styles)
        ]
        return self.join(kept)

    def join(self, kept: Sequence[tuple[Tensor, ...]]) -> StyleStatistics:
        """What is kept of several images, as one."""
        return StyleStatistics(tuple(torch.cat(parts) for parts in zip(*kept, strict=True)))

    def forward(
        self,
        content: Tensor,
        styles: StyleStatistics | Tensor | Sequence[Tensor],
        weights: Sequence[float] | None = None,
        alpha: float = 1.0,
    ) -> Tensor:
        """Styled images, of the content's size.

        Args:
            content: (N, 3, H, W) of any size, uint8 or RGB in [0, 1].
            styles: style images as of `prepare`, or what it gave.
            weights: of the styles; averaged by them, never summed. Alike if left out.
            alpha: 0 leaves the content as it is (a network decodes it unchanged), 1 takes on the style wholly.

        Returns:
            (N, 3, H, W) RGB in [0, 1].

        Raises:
            ConfigError: `alpha` or a weight is out of range.
            DataError: an image is none.
        """
        if not 0 <= alpha <= 1:
            raise ConfigError(f"alpha = {alpha}: the share of the style lies in 0 … 1")
        image = unit_rgb(content, "content")
        known = styles if isinstance(styles, StyleStatistics) else self.prepare(styles)
        return self.restyle(image, known.mixed(mixing_weights(weights, len(known))), alpha).clamp(0, 1)


def mixing_weights(weights: Sequence[float] | None, count: int) -> list[float]:
    """Weights of `count` styles that sum to one; others are divided by their sum, with a notice.

    Raises:
        ConfigError: there are more or fewer than styles, one is negative or no number, or all are 0.
    """
    if weights is None:
        return [1 / count] * count
    if len(weights) != count:
        raise ConfigError(f"weights = {list(weights)}: {len(weights)} weights for {count} style images")
    total = math.fsum(weights)
    if not all(0 <= weight < math.inf for weight in weights) or total == 0:
        raise ConfigError(f"weights = {list(weights)}: weights of styles are 0 or more, and not all 0")
    if abs(total - 1) <= _ROUNDING:
        return list(weights)
    shares = [weight / total for weight in weights]
    log.warning("weights = %s sum to %g, not 1: taken as %s", list(weights), total, [round(s, 4) for s in shares])
    return shares
