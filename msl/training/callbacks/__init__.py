"""Actions around the steps, one callback in each file."""

from msl.training.callbacks.checkpoints import SaveCheckpoints, restore
from msl.training.callbacks.decoder import TrainDecoder
from msl.training.callbacks.dose import LogDose, LogGradientRatio
from msl.training.callbacks.evaluate import Evaluate
from msl.training.callbacks.guard import StopOnNaN
from msl.training.callbacks.means import LogMeans
from msl.training.callbacks.panels import Panels
from msl.training.callbacks.plateau import LowerOnPlateau
from msl.training.callbacks.previews import Previews
from msl.training.callbacks.profile import Profile
from msl.training.callbacks.progress import ProgressBar
from msl.training.callbacks.statistics import EstimateStatistics
from msl.training.callbacks.teacher import FollowStudent

__all__ = [
    "EstimateStatistics",
    "Evaluate",
    "FollowStudent",
    "LogDose",
    "LogGradientRatio",
    "LogMeans",
    "LowerOnPlateau",
    "Panels",
    "Previews",
    "Profile",
    "ProgressBar",
    "SaveCheckpoints",
    "StopOnNaN",
    "TrainDecoder",
    "restore",
]
