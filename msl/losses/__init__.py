"""Losses as pure functions of tensors: probabilities or logits in, a scalar out."""

from msl.losses.entropy import entropy, iw_entropy
from msl.losses.guidance import confident_labels, guidance_labels
from msl.losses.max_square import image_wise_weight, iw_max_square, max_square
from msl.losses.pixels import by_bands, most_probable
from msl.losses.precision import at_least_single
from msl.losses.style import channel_statistics, content_loss, identity_loss, style_loss
from msl.losses.supervised import cross_entropy

__all__ = [
    "at_least_single",
    "by_bands",
    "channel_statistics",
    "confident_labels",
    "content_loss",
    "cross_entropy",
    "entropy",
    "guidance_labels",
    "identity_loss",
    "image_wise_weight",
    "iw_entropy",
    "iw_max_square",
    "max_square",
    "most_probable",
    "style_loss",
]
