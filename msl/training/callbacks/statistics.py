"""BatchNorm's statistics, estimated before the first step."""

import torch

from msl.models import SegmentationNetwork
from msl.scoring.recalibration import reestimate
from msl.scoring.unlabelled import UnlabelledImages
from msl.training.loop import Callback, State


class EstimateStatistics(Callback):
    """Gives the network the statistics of certain images before it is scored.

    They do not depend on those that the network has, so a run that begins again ends the same.
    """

    def __init__(self, model: SegmentationNetwork, images: UnlabelledImages, precision: torch.dtype) -> None:
        self._model, self._images, self._precision = model, images, precision

    def on_start(self, state: State) -> None:
        """Estimate them; a stop request ends it."""
        reestimate(self._model, self._images, self._precision, before=state.stop.obey)
