"""Images in the mixture of styles that a copy's settings describe."""

from collections.abc import Sequence
from random import Random

import torch
from torch import Tensor

from msl.config import StylizeConfig
from msl.data import Images
from msl.style import Styler, StyleStatistics, preserve_colours, to_uint8


class Mixture:
    """A styler with the statistics of the style images."""

    def __init__(self, config: StylizeConfig, styles: Images, styler: Styler) -> None:
        """Set it up.

        Args:
            config: settings of the copy.
            styles: the style images.
            styler: on its device, in eval mode.
        """
        self._config, self._styles, self._styler = config, styles, styler
        self._device = next((parameter.device for parameter in styler.parameters()), torch.device("cpu"))
        is_same_for_all = not config.copied.shuffle_styles and not config.method.preserve_colours
        self._statistics = self._prepare(range(len(styles))) if is_same_for_all else None

    def stylize(self, image: Tensor, name: str) -> Tensor:
        """The styled image (3, H, W) uint8; seed and sample name decide the style image if one is chosen at random."""
        look, copied = self._config.look, self._config.copied
        content, weights, statistics = image[None].to(self._device), look.style_weights, self._statistics
        if copied.shuffle_styles:
            choice = Random(f"{copied.style_seed} {name}").randrange(len(self._styles))
            statistics, weights = self._prepare([choice], content), None
        elif statistics is None:
            statistics = self._prepare(range(len(self._styles)), content)
        with torch.no_grad():
            return to_uint8(self._styler(content, statistics, weights, look.alpha))[0].cpu()

    def _prepare(self, chosen: Sequence[int], content: Tensor | None = None) -> StyleStatistics:
        images = [self._styles[k].image.to(self._device) for k in chosen]
        if content is not None and self._config.method.preserve_colours:
            images = preserve_colours(images, content)
        return self._styler.prepare(images)
