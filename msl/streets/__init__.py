"""The embedded data set: generated street scenes with labels of Cityscapes' 19 classes, in two domains.

`streets` is the source and looks like a game; `streets_real` is the target and looks like images of a car's camera.
"""

from msl.streets.samples import Streets
from msl.streets.style import STYLES, Style

__all__ = ["STYLES", "Streets", "Style"]
