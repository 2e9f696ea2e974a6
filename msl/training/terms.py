"""A term: the unit of which training modes are made."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from torch import Tensor, nn

from msl.data import Batch


class Objective(Protocol):
    """What is minimised on one stream of batches."""

    def __call__(self, model: nn.Module, batch: Batch) -> Mapping[str, Tensor]:
        """The weighted parts of the loss by name, scalars of one forward graph; their sum is minimised."""


@dataclass(frozen=True)
class Term:
    """A stream, what is minimised on it, and the steps during which it counts."""

    stream: str
    objective: Objective
    start: int = 0
    stop: int | None = None  # the first step at which the term is over; None = never

    def active(self, step: int) -> bool:
        """Whether the term counts in this step."""
        return self.start <= step and (self.stop is None or step < self.stop)
