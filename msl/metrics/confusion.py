"""The confusion matrix and the scores that follow from it."""

from collections.abc import Sequence

import torch
from torch import Tensor

from msl.labels import IGNORE, LabelSet
from msl.metrics.metric import Metric, PixelCounts

_PART_PIXELS = 2**20  # pixels counted at a time, because counting takes many bytes for each pixel
_COLUMNS = 8  # neighbouring pixels are counted in different columns
_GPU_COLUMNS = 64  # the same on a GPU, whose threads would wait for each other


class ConfusionMatrix(PixelCounts):
    """Pixels by ground truth (rows) and prediction (columns), gathered over a data set. All scores are in percent.

    The scores are those of the papers: one matrix for the whole data set, never a mean over images.
    """

    def __init__(self, num_classes: int, device: torch.device | str = "cpu") -> None:
        self.num_classes = num_classes
        self.counts = torch.zeros(num_classes, num_classes, dtype=torch.int64, device=device)
        self._uncounted = torch.zeros((), dtype=torch.int64, device=device)  # pixels whose ids are no classes

    @classmethod
    def from_counts(cls, counts: Tensor) -> "ConfusionMatrix":
        """The matrix that holds `counts` (C, C)."""
        matrix = cls(counts.shape[0], counts.device)
        matrix.counts += counts
        return matrix

    def update(self, prediction: Tensor, label: Tensor, probabilities: Tensor | None = None) -> None:
        """Count the pixels of `prediction` against `label`, two integer tensors of one shape.

        Pixels with the label 255 do not count. Probabilities are not used.

        Raises:
            ValueError: the shapes differ, or an id of the label or the prediction is outside the classes.
        """
        if prediction.shape != label.shape:
            raise ValueError(
                f"prediction is {tuple(prediction.shape)}, label {tuple(label.shape)}: pass two maps of one shape"
            )
        parts = (pixels.flatten().split(_PART_PIXELS) for pixels in (prediction, label))
        for prediction_part, label_part in zip(*parts, strict=True):
            if label.device.type == "cpu":
                self.counts += self._count(prediction_part, label_part)
            else:
                self._count_without_waiting(prediction_part, label_part)

    def settle(self) -> None:
        """Look whether all pixels could be counted: on a GPU, `update` does not wait to know.

        Raises:
            ValueError: an id of a label or a prediction was outside the classes.
        """
        if uncounted := int(self._uncounted):
            raise ValueError(
                f"{uncounted} pixels have ids of label or prediction outside 0…{self.num_classes - 1}: pass train ids, "
                "or 255 to ignore"
            )

    def _count_without_waiting(self, prediction: Tensor, label: Tensor) -> None:
        """Add to the counts, and count the pixels with other ids. Integers add up to the same in any order."""
        classes = self.num_classes
        row, column = label.long(), prediction.long()
        is_counted = row != IGNORE
        is_class = (row >= 0) & (row < classes) & (column >= 0) & (column < classes)
        cells = classes * classes + 1  # the last one holds the pixels that do not count
        cell = torch.where(is_counted & is_class, classes * row + column, cells - 1)
        spread = torch.arange(cell.shape[0], device=cell.device) % _GPU_COLUMNS * cells
        counts = torch.zeros(_GPU_COLUMNS * cells, dtype=torch.int64, device=cell.device)
        counts.scatter_add_(0, cell + spread, torch.ones_like(cell))
        self.counts += counts.view(_GPU_COLUMNS, cells).sum(dim=0)[:-1].view(classes, classes)
        self._uncounted += (is_counted & ~is_class).sum()

    def _count(self, prediction: Tensor, label: Tensor) -> Tensor:
        classes = self.num_classes
        if not _within(prediction, classes - 1):  # allowed where the label does not count
            prediction = prediction.masked_fill(label == IGNORE, 0)
        if not (_within(prediction, classes - 1) and _within(label, IGNORE)):
            raise self._refusal(prediction, label)
        row = label.to(torch.uint8) + 1  # one byte wraps around: row 0 holds the ignored pixels
        if not _within(row, classes):
            raise self._refusal(prediction, label)
        # Neighbouring pixels are mostly of one class, and a processor waits when it adds to one cell twice in a row: so
        # neighbours count in different columns. Two bytes for a pixel if that is enough: moving memory takes time too.
        cells = (classes + 1) * classes
        dtype = torch.int16 if _COLUMNS * cells <= torch.iinfo(torch.int16).max else torch.int32
        column = torch.arange(row.shape[-1], device=row.device) % _COLUMNS * cells
        cell = torch.add(prediction.to(dtype), row.to(dtype), alpha=classes).add_(column.to(dtype))
        counts = torch.bincount(cell.flatten(), minlength=_COLUMNS * cells)
        return counts.view(_COLUMNS, classes + 1, classes).sum(dim=0)[1:]

    def _refusal(self, prediction: Tensor, label: Tensor) -> ValueError:
        ids = {name: value[label != IGNORE].unique() for name, value in (("prediction", prediction), ("label", label))}
        wrong = next(name for name, value in ids.items() if not _within(value, self.num_classes - 1))
        return ValueError(
            f"{wrong} has ids {ids[wrong].tolist()}, outside 0…{self.num_classes - 1}: pass train ids, or 255 to ignore"
        )

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
        """Share of the pixels that are correct."""
        m = self.counts.double()
        return float(100 * m.trace() / m.sum())

    def class_accuracy(self) -> Tensor:
        """Share of each class's pixels that are correct (C,); NaN for a class that is not present."""
        m = self.counts.double()
        return 100 * m.diagonal() / m.sum(1)

    def mean_pixel_accuracy(self) -> float:
        """Mean of `class_accuracy` over the classes present."""
        return float(self.class_accuracy().nanmean())

    def mean_iou_13(self, label_set: LabelSet) -> float:
        """Mean IoU of the classes of a label set's smaller protocol; NaN if it has none."""
        return self.mean_iou([label_set.train_id(name) for name in label_set.thirteen])


MEAN_IOU = Metric(ConfusionMatrix, lambda matrix, _: matrix.mean_iou())
MEAN_IOU_RESIZED = Metric(ConfusionMatrix, lambda matrix, _: matrix.mean_iou(), at_input_size=True)
MEAN_IOU_13 = Metric(ConfusionMatrix, ConfusionMatrix.mean_iou_13)
FREQUENCY_WEIGHTED_IOU = Metric(ConfusionMatrix, lambda matrix, _: matrix.fw_iou())
PIXEL_ACCURACY = Metric(ConfusionMatrix, lambda matrix, _: matrix.pixel_accuracy())
MEAN_PIXEL_ACCURACY = Metric(ConfusionMatrix, lambda matrix, _: matrix.mean_pixel_accuracy())


def _within(ids: Tensor, limit: int) -> bool:
    if not ids.numel():
        return True
    smallest, largest = ids.aminmax()
    return int(smallest) >= 0 and int(largest) <= limit
