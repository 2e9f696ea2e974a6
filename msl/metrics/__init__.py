"""Scores of a segmentation, from one confusion matrix over a whole data set."""

from msl.metrics.confusion import ConfusionMatrix

__all__ = ["ConfusionMatrix"]
