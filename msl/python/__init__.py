"""msl from Python: `msl.load` and `msl.run`, with the settings and the errors of the command line."""

from msl.python.network import LoadedNetwork, PredictedImage, load
from msl.python.stage import run
from msl.stages.stage import Outcome

__all__ = ["LoadedNetwork", "Outcome", "PredictedImage", "load", "run"]
