"""The confusion matrix and the scores that follow from it."""

from collections.abc import Sequence

import torch
from torch import Tensor

from msl.labels import IGNORE


class ConfusionMatrix:
    """Pixels by ground truth (rows) and prediction (columns), gathered over a data set. All scores are in percent.

    The scores are those of the papers: one matrix for the whole data set, never a mean over images.
    """

    def __init__(self, num_classes: int, device: torch.device | str = "cpu") -> None:
        self.num_classes = num_classes
        self.counts = torch.zeros(num_classes, num_classes, dtype=torch.int64, device=device)

    @classmethod
    def from_counts(cls, counts: Tensor) -> "ConfusionMatrix":
        """The matrix that holds `counts` (C, C)."""
        matrix = cls(counts.shape[0], counts.device)
        matrix.counts += counts
        return matrix

    def update(self, prediction: Tensor, label: Tensor) -> None:
        """Count the pixels of `prediction` against `label`, two integer tensors of one shape.

        Pixels labelled 255 do not count.

        Raises:
            ValueError: the shapes differ, or a label or a prediction is no class.
        """
        if prediction.shape != label.shape:
            raise ValueError(f"prediction is {tuple(prediction.shape)}, label {tuple(label.shape)}")
        counted = label != IGNORE
        label, prediction = label[counted].long(), prediction[counted].long()
        for name, value in (("label", label), ("prediction", prediction)):
            if value.numel() and not 0 <= int(value.min()) <= int(value.max()) < self.num_classes:
                raise ValueError(f"{name} has ids {sorted(set(value.tolist()))}, outside 0…{self.num_classes - 1}")
        cells = torch.bincount(label * self.num_classes + prediction, minlength=self.num_classes**2)
        self.counts += cells.view_as(self.counts)

    def iou(self) -> Tensor:
        """Intersection over union of each class (C,); NaN for a class that is neither present nor predicted."""
        m = self.counts.double()
        return 100 * m.diagonal() / (m.sum(0) + m.sum(1) - m.diagonal())

    def mean_iou(self, subset: Sequence[int] | None = None) -> float:
        """Mean IoU of all classes or of a subset, such as SYNTHIA's 13 of 16; classes with NaN do not count."""
        iou = self.iou()
        return float((iou if subset is None else iou[list(subset)]).nanmean())

    def fw_iou(self) -> float:
        """IoU weighted by how often each class is the ground truth."""
        m = self.counts.double()
        return float((m.sum(1) / m.sum() * self.iou()).nansum()) if m.sum() else float("nan")

    def pixel_accuracy(self) -> float:
        """Share of the pixels that are right."""
        m = self.counts.double()
        return float(100 * m.trace() / m.sum())

    def class_accuracy(self) -> Tensor:
        """Share of each class's pixels that are right (C,); NaN for a class that is not present."""
        m = self.counts.double()
        return 100 * m.diagonal() / m.sum(1)

    def mean_pixel_accuracy(self) -> float:
        """Mean of `class_accuracy` over the classes present."""
        return float(self.class_accuracy().nanmean())
