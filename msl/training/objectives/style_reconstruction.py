"""What a style decoder learns by."""

from dataclasses import dataclass

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

    Huang and Belongie, equations 11 to 13, and Park and Lee's identity loss, which their work has not: weight 0.
    """

    weights: StyleLossConfig
    transfer: StyleTransfer  # of it, the decoder learns

    def __call__(self, model: nn.Module, batch: Batch) -> dict[str, Tensor]:
        """Parts ``style/content``, ``style/style`` and, weighed, ``style/identity``; the batch brings style images."""
        assert batch.style is not None
        encoder, decoder, weights = self.transfer.encoder, self.transfer.decoder, self.weights
        content, style = unit_rgb(batch.image, "content"), unit_rgb(batch.style, "style")
        with torch.no_grad():
            features, styles = encoder(content), encoder.levels(style)
            target = adain(features, styles[-1])
        drawn = encoder.levels(decoder(target))
        parts = {
            schema.STYLE_CONTENT: weights.content_weight * content_loss(drawn[-1], target),
            schema.STYLE_STYLE: weights.style_weight * style_loss(drawn, styles),
        }
        if weights.identity_weight:
            own = identity_loss(decoder(features), content) + identity_loss(decoder(styles[-1]), style)
            parts[schema.STYLE_IDENTITY] = weights.identity_weight * own
        return parts
