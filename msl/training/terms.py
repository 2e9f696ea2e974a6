"""A term: every training mode is a list of terms."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from torch import Tensor, nn

from msl.data import Batch


class Objective(Protocol):
    """A loss on one stream of batches.

    An objective with an attribute ``replayable = True`` depends on the network and the tensors of the batch alone, not
    on what Python decides anew in each step: then a GPU records its passes once and replays them.
    """

    def __call__(self, model: nn.Module, batch: Batch) -> Mapping[str, Tensor]:
        """The weighted parts of the loss by name, scalars of one forward graph; their sum is minimised."""


@dataclass(frozen=True)
class Term:
    """A stream, its objective, and the steps in which it counts."""

    stream: str
    objective: Objective
    start: int = 0
    stop: int | None = None  # the first step in which the term no longer counts; None = it always counts

    def active(self, step: int) -> bool:
        """Whether the term counts in this step."""
        return self.start <= step and (self.stop is None or step < self.stop)
