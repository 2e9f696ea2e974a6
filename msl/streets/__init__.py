"""The embedded data set: generated street scenes with labels of Cityscapes' 19 classes, in two domains.

`streets` is the source, drawn as a game draws; `streets_real` is the target, drawn as a car's camera sees.
"""

from msl.streets.samples import Streets
from msl.streets.style import STYLES, Style

__all__ = ["STYLES", "Streets", "Style"]
