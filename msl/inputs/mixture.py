"""Images in the mixture of styles that the settings of a copy ask for."""

from collections.abc import Sequence
from random import Random

import torch
from torch import Tensor

from msl.config import StylizeConfig
from msl.data import Images
from msl.style import Styler, StyleStatistics, preserve_colours, to_uint8


class Mixture:
    """A styler with what it keeps of the style images."""

    def __init__(self, config: StylizeConfig, styles: Images, styler: Styler) -> None:
        """Set it up.

        Args:
            config: of the copy.
            styles: the style images.
            styler: on its device, in eval mode.
        """
        self._config, self._styles, self._styler = config, styles, styler
        self._device = next((parameter.device for parameter in styler.parameters()), torch.device("cpu"))
        together = not config.copied.shuffle_styles and not config.method.preserve_colours
        self._statistics = self._prepared(range(len(styles))) if together else None

    def styled(self, image: Tensor, name: str) -> Tensor:
        """A styled image (3, H, W) uint8; the seed and the sample's name decide which style image is drawn."""
        look, copied = self._config.look, self._config.copied
        content, weights, statistics = image[None].to(self._device), look.style_weights, self._statistics
        if copied.shuffle_styles:
            drawn = Random(f"{copied.style_seed} {name}").randrange(len(self._styles))
            statistics, weights = self._prepared([drawn], content), None
        elif statistics is None:
            statistics = self._prepared(range(len(self._styles)), content)
        with torch.no_grad():
            return to_uint8(self._styler(content, statistics, weights, look.alpha))[0].cpu()

    def _prepared(self, chosen: Sequence[int], content: Tensor | None = None) -> StyleStatistics:
        images = [self._styles[k].image.to(self._device) for k in chosen]
        if content is not None and self._config.method.preserve_colours:
            images = preserve_colours(images, content)
        return self._styler.prepare(images)
