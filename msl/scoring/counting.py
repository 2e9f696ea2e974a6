"""What an evaluation counts at one size of the ground truth."""

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor

from msl.metrics import ConfusionMatrix, PixelCounts
from msl.numerics import ranks
from msl.numerics.determinism import deterministic
from msl.scoring.prediction import predict


class Counting:
    """Predicts, and counts the predictions: in a confusion matrix, and in each other kind of counts that metrics need.

    Each kind is counted once, for all the metrics that follow from it.
    """

    def __init__(self, kinds: Iterable[type[PixelCounts]], num_classes: int, device: torch.device) -> None:
        self.matrix = ConfusionMatrix(num_classes, device)
        self.counts: dict[type[PixelCounts], PixelCounts] = {ConfusionMatrix: self.matrix}
        self.counts |= {kind: kind(num_classes, device) for kind in kinds if kind is not ConfusionMatrix}

    def predict(self, views: Sequence[Tensor], label: Tensor) -> Tensor:
        """Count the prediction at the size of `label` (N, H, W), and return it (N, H, W).

        Args:
            views: coarse logits (N, C, h, w), see `msl.scoring.prediction.views`.
            label: on the device of the logits.
        """
        banded = [counts for counts in self.counts.values() if counts.needs_probabilities]

        def count_band(rows: slice, prediction: Tensor, probabilities: Tensor) -> None:
            with deterministic(False):  # what is added here is exact, so its order does not matter
                for counts in banded:
                    counts.update(prediction, label[:, rows], probabilities)

        prediction = predict(views, label.shape[1:], count_band if banded else None)
        with deterministic(False):
            for counts in self.counts.values():
                if not counts.needs_probabilities:
                    counts.update(prediction, label)
        return prediction

    def settle(self) -> None:
        """Look whether all pixels could be counted; raises a ValueError as `ConfusionMatrix.settle` does."""
        self.matrix.settle()

    def add_up(self) -> None:
        """Add the counts of the other processes, which have scored other images."""
        ranks.add_up([counts.counts for counts in self.counts.values()])
