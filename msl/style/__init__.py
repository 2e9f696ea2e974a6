"""Styles: images take on the look of other images, with a network (AdaIN) or without one (Fourier, colours).

All stylers are called in the same way: ``styler(content, styles, weights, alpha)`` gives images of the content's size
in [0, 1]. ``styler.prepare(styles)`` computes the statistics of style images once; pass them instead of the images.
"""

from msl.style.adain import adain, impose
from msl.style.colour import ColourTransfer, preserve_colours
from msl.style.encoder import VGG, Encoder, load_encoder
from msl.style.fourier import FourierTransfer
from msl.style.mirror import mirror_encoder
from msl.style.network import Decoder, StyleTransfer, load_decoder
from msl.style.normalise import normalise
from msl.style.pixels import to_uint8, unit_rgb
from msl.style.styler import Styler, StyleStatistics, mixing_weights

__all__ = [
    "VGG",
    "ColourTransfer",
    "Decoder",
    "Encoder",
    "FourierTransfer",
    "StyleStatistics",
    "StyleTransfer",
    "Styler",
    "adain",
    "impose",
    "load_decoder",
    "load_encoder",
    "mirror_encoder",
    "mixing_weights",
    "normalise",
    "preserve_colours",
    "to_uint8",
    "unit_rgb",
]
