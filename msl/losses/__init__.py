"""Losses as pure functions of tensors: probabilities or logits in, a scalar out.

Where several processes train together, the mean of their results is the loss of the global batch: `msl.numerics.ranks`.
"""

from msl.losses.entropy import entropy, iw_entropy
from msl.losses.guidance import confident_labels, guidance_labels
from msl.losses.max_square import image_wise_weight, iw_max_square, max_square
from msl.losses.prior import class_prior
from msl.losses.style import content_loss, identity_loss, style_loss
from msl.losses.supervised import cross_entropy
from msl.losses.weighted import weighted_cross_entropy

__all__ = [
    "class_prior",
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
    "style_loss",
    "weighted_cross_entropy",
]
