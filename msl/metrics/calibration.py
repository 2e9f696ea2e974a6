"""Calibration: whether a network is right as often as its confidence says."""

import torch
from torch import Tensor

from msl.labels import IGNORE
from msl.metrics.metric import Metric, PixelCounts

_BINS = 15  # as in Guo et al.
# Confidences are rounded to this many steps: then sums of up to 2 billion pixels in a bin are exact, in any order.
_STEPS = 2**22


class CalibrationBins(PixelCounts):
    """Pixels by confidence, the largest probability, in 15 equal bins; bin m holds ((m - 1) / 15, m / 15].

    `counts` (3, 15), double: the number of pixels, the number of correct ones, the sum of the confidences.

    Guo et al., On Calibration of Modern Neural Networks, ICML 2017, https://arxiv.org/abs/1706.04599
    """

    needs_probabilities = True

    def __init__(self, num_classes: int, device: torch.device | str = "cpu") -> None:
        self.counts = torch.zeros(3, _BINS, dtype=torch.float64, device=device)

    def update(self, prediction: Tensor, label: Tensor, probabilities: Tensor | None = None) -> None:
        """Add the pixels of `prediction` (N, H, W) with their `probabilities` (N, C, H, W); label 255 does not count.

        Raises:
            ValueError: there are no probabilities, or the shapes differ.
        """
        if probabilities is None or not prediction.shape == label.shape == probabilities[:, 0].shape:
            shapes = [None if tensor is None else tuple(tensor.shape) for tensor in (prediction, label, probabilities)]
            message = "prediction is {}, label {}, probabilities {}: pass shapes (N, H, W), (N, H, W) and (N, C, H, W)"
            raise ValueError(message.format(*shapes))
        labelled = label != IGNORE
        confidence = probabilities.amax(dim=1)[labelled]  # (pixels,)
        correct = (prediction == label)[labelled]
        upper_edges = torch.arange(1, _BINS, device=confidence.device) / _BINS  # the last bin holds all larger ones
        index = torch.bucketize(confidence, upper_edges.to(confidence.dtype))
        sums = (None, correct.double(), (confidence.double() * _STEPS).round() / _STEPS)
        self.counts += torch.stack([torch.bincount(index, weights, _BINS).double() for weights in sums])

    def expected_error(self) -> float:
        """Expected calibration error, percent (equation 3): |accuracy - confidence| of a bin, averaged over pixels."""
        pixels, correct, confidence = self.counts
        return float(100 * (correct - confidence).abs().sum() / pixels.sum())


CALIBRATION_ERROR = Metric(CalibrationBins, lambda bins, _: bins.expected_error())
