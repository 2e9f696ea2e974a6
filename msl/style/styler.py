"""What all stylers share: they compute statistics of style images, mix them and restyle content images."""

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

_ROUNDING = 1e-6  # weights whose sum differs from one by no more than this are used unchanged


@dataclass(frozen=True)
class StyleStatistics:
    """What a styler computes from K style images: a few small tensors (K, …). Its effect is linear in them.

    So a mixture of styles is the average of their statistics and costs no more than one style.
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
        """The statistics of one style image (1, 3, H, W) in [0, 1]: tensors (1, …)."""

    @abstractmethod
    def restyle(self, content: Tensor, style: tuple[Tensor, ...], alpha: float) -> Tensor:
        """Content (N, 3, H, W), changed by the share `alpha` towards a mixture of `StyleStatistics`."""

    @torch.no_grad()
    def prepare(self, styles: Tensor | Sequence[Tensor]) -> StyleStatistics:
        """The statistics of style images: compute them once and pass them instead of the images.

        Args:
            styles: (K, 3, H, W), or K of (3, h, w) in any sizes; uint8 or RGB in [0, 1].

        Raises:
            DataError: there are no images, or one is not RGB or too small.
        """
        if len(styles) == 0:
            raise DataError("there are no style images: name a folder that has some")
        images = (unit_rgb(image.unsqueeze(0), f"style image {k + 1}") for k, image in enumerate(styles))
        return self.join([self.statistics_of(image) for image in images])

    def join(self, statistics: Sequence[tuple[Tensor, ...]]) -> StyleStatistics:
        """The statistics of several images in one object."""
        return StyleStatistics(tuple(torch.cat(parts) for parts in zip(*statistics, strict=True)))

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
            styles: style images as in `prepare`, or their statistics from `prepare`.
            weights: of the styles, which are averaged, never summed. None: equal weights.
            alpha: 0 keeps the content (a network decodes its unchanged features), 1 takes on the whole style.

        Returns:
            (N, 3, H, W) RGB in [0, 1].

        Raises:
            ConfigError: `alpha` or a weight is out of range.
            DataError: an image is not RGB or too small.
        """
        if not 0 <= alpha <= 1:
            raise ConfigError(f"alpha = {alpha}: the share of the style must be in 0 … 1")
        image = unit_rgb(content, "content")
        statistics = styles if isinstance(styles, StyleStatistics) else self.prepare(styles)
        mixture = statistics.mixed(mixing_weights(weights, len(statistics)))
        return self.restyle(image, mixture, alpha).clamp(0, 1)


def mixing_weights(weights: Sequence[float] | None, count: int) -> list[float]:
    """Weights of `count` styles that sum to one. Other weights are divided by their sum, with a warning.

    Raises:
        ConfigError: their number is not `count`, one is negative or not a number, or all are 0.
    """
    if weights is None:
        return [1 / count] * count
    if len(weights) != count:
        raise ConfigError(
            f"weights = {list(weights)}: {len(weights)} weights for {count} style images, pass one for each"
        )
    total = math.fsum(weights)
    if not all(0 <= weight < math.inf for weight in weights) or total == 0:
        raise ConfigError(f"weights = {list(weights)}: pass numbers of 0 or more, not all 0")
    if abs(total - 1) <= _ROUNDING:
        return list(weights)
    shares = [weight / total for weight in weights]
    log.warning("weights = %s sum to %g, not 1: used as %s", list(weights), total, [round(s, 4) for s in shares])
    return shares
