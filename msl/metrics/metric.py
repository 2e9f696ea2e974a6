"""What a metric is: something that is counted over the pixels of a data set, and a score that follows from it."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Generic, TypeVar

import torch
from torch import Tensor

from msl.labels import LabelSet


class PixelCounts(ABC):
    """What is counted over the pixels of a data set, in one tensor that adds up.

    The counts of a data set are the sum of those of its parts, whatever these are: bands of rows, images, processes.
    """

    needs_probabilities: ClassVar[bool] = False  # then `update` gets them
    counts: Tensor  # zeros at first

    @abstractmethod
    def __init__(self, num_classes: int, device: torch.device | str = "cpu") -> None: ...

    @abstractmethod
    def update(self, prediction: Tensor, label: Tensor, probabilities: Tensor | None = None) -> None:
        """Add an image; with `needs_probabilities` a band of its rows, so that these never take much memory.

        Args:
            prediction: integers (N, H, W), classes.
            label: integers (N, H, W); 255 is ignored.
            probabilities: of each class (N, C, H, W) in [0, 1], if `needs_probabilities`.
        """


Counts = TypeVar("Counts", bound=PixelCounts)


@dataclass(frozen=True)
class Metric(Generic[Counts]):
    """A score of a data set. Its name, unit and direction are in the table `msl.schema.SCORES`.

    Metrics of the same counts share them: these are gathered once.
    """

    counts: type[Counts]
    value: Callable[[Counts, LabelSet], float]  # in the unit of the table; NaN where there is none, which is not logged
    at_input_size: bool = False  # against labels resized to the network's input, not at their full resolution
