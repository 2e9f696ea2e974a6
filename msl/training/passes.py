"""The forward and the backward pass of one term."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor, nn

from msl.data import Batch
from msl.training.phases import BACKWARD, LOSSES, Phases
from msl.training.scaling import Scaling
from msl.training.terms import Term


class Passes(Protocol):
    """How the passes of a step's terms are carried out."""

    def begin(self, terms: Sequence[Term]) -> None:
        """A step with these terms begins: no weight has a gradient."""

    def run(self, term: Term, batch: Batch) -> Mapping[str, Tensor]:
        """Add the gradients of a term's loss to those of the weights; gives its weighted parts, detached."""


@dataclass(frozen=True)
class EagerPasses:
    """Every operation is launched as Python comes to it."""

    model: nn.Module
    optimizer: torch.optim.Optimizer
    scaling: Scaling
    phases: Phases
    precision: torch.dtype = torch.float32
    forward: Callable[[], AbstractContextManager[None]] = nullcontext  # what forward passes are in, see `Recompute`

    def begin(self, terms: Sequence[Term]) -> None:
        """Forget the gradients of the step before."""
        self.optimizer.zero_grad()

    def run(self, term: Term, batch: Batch) -> dict[str, Tensor]:
        """The forward pass in the precision, then the backward pass."""
        self.phases.enter(LOSSES)
        is_mixed = self.precision != torch.float32
        with self.forward(), torch.autocast(batch.image.device.type, self.precision, enabled=is_mixed):
            parts = term.objective(self.model, batch)
        self.phases.enter(BACKWARD)
        self.scaling.backward(torch.stack(list(parts.values())).sum())
        return {name: part.detach() for name, part in parts.items()}
