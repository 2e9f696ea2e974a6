"""Scores of a segmentation over a whole data set: what is counted, and the numbers that follow from it."""

from msl.metrics.confusion import ConfusionMatrix
from msl.metrics.metric import Metric, PixelCounts

__all__ = ["ConfusionMatrix", "Metric", "PixelCounts"]
