"""The losses with which a style decoder learns."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from msl import schema
from msl.config import StyleLossConfig
from msl.data import Batch
from msl.losses import content_loss, identity_loss, style_loss
from msl.style import StyleTransfer, adain, unit_rgb


@dataclass(frozen=True)
class StyleReconstruction:
    """content_weight · L_c + style_weight · L_s + identity_weight · L_id of a decoder, alpha = 1.

    Huang and Belongie, equations 11 to 13, and the identity loss of Park and Lee; weight 0 leaves it out.
    """

    weights: StyleLossConfig
    transfer: StyleTransfer  # its decoder learns
    replayable: ClassVar[bool] = True

    def __call__(self, model: nn.Module, batch: Batch) -> dict[str, Tensor]:
        """Parts ``style/content``, ``style/style`` and, with a weight, ``style/identity``; a batch has style images."""
        assert batch.style is not None
        encoder, decoder, weights = self.transfer.encoder, self.transfer.decoder, self.weights
        content, style = unit_rgb(batch.image, "content"), unit_rgb(batch.style, "style")
        with torch.no_grad():
            features, styles = encoder(content), encoder.levels(style)
            target = adain(features, styles[-1])
        decoded_levels = encoder.levels(decoder(target))
        parts = {
            schema.STYLE_CONTENT: weights.content_weight * content_loss(decoded_levels[-1], target),
            schema.STYLE_STYLE: weights.style_weight * style_loss(decoded_levels, styles),
        }
        if weights.identity_weight:
            identity = identity_loss(decoder(features), content) + identity_loss(decoder(styles[-1]), style)
            parts[schema.STYLE_IDENTITY] = weights.identity_weight * identity
        return parts
