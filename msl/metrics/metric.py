"""A metric: counts over the pixels of a data set, and a score that follows from them."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Generic, TypeVar

import torch
from torch import Tensor

from msl.labels import LabelSet


class PixelCounts(ABC):
    """Counts over the pixels of a data set, in one tensor that adds up.

    The counts of a data set are the sum of the counts of its parts: bands of rows, images or processes.
    """

    needs_probabilities: ClassVar[bool] = False  # True: `update` gets them
    counts: Tensor  # zeros at first

    @abstractmethod
    def __init__(self, num_classes: int, device: torch.device | str = "cpu") -> None: ...

    @abstractmethod
    def update(self, prediction: Tensor, label: Tensor, probabilities: Tensor | None = None) -> None:
        """Add images. With `needs_probabilities`, add a band of their rows, so that probabilities need little memory.

        Args:
            prediction: integers (N, H, W), classes.
            label: integers (N, H, W); 255 is ignored.
            probabilities: of each class (N, C, H, W) in [0, 1], if `needs_probabilities`.
        """


Counts = TypeVar("Counts", bound=PixelCounts)


@dataclass(frozen=True)
class Metric(Generic[Counts]):
    """A score of a data set. Its name, unit and direction are in the table `msl.schema.SCORES`.

    Metrics with the same kind of counts share them: an evaluation gathers them once.
    """

    counts: type[Counts]
    value: Callable[[Counts, LabelSet], float]  # in the table's unit; NaN if there is none (it is not logged)
    at_input_size: bool = False  # against labels resized to the network's input, not at their full resolution
