"""Styles: images take on the look of others, through a network (AdaIN) or without one (Fourier, colours).

All are used alike: ``styler(content, styles, weights, alpha)`` gives images of the content's size in [0, 1]; what a
styler keeps of style images is computed once with ``styler.prepare(styles)`` and passed on in their place.
"""

from msl.style.adain import adain, impose
from msl.style.colour import ColourTransfer, preserve_colours
from msl.style.encoder import VGG, Encoder, load_encoder
from msl.style.fourier import FourierTransfer
from msl.style.mirror import mirrored
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
    "mirrored",
    "mixing_weights",
    "normalise",
    "preserve_colours",
    "to_uint8",
    "unit_rgb",
]
