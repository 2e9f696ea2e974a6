"""How much a target objective has acted, and how its gradient compares with that of the source."""

from typing import Any

import torch
from torch import Tensor

from msl import schema
from msl.numerics import ranks
from msl.training.loop import Callback, Reporter, State
from msl.training.terms import Term


class LogDose(Callback):
    """Logs the dose D = λ · Σ lr_t of the steps so far, by which runs of other lengths and weights can be compared."""

    def __init__(self, weight: float, every: int, reporter: Reporter) -> None:
        """Set it up; `weight` is λ, `every` the steps between two logs."""
        self._weight, self._every, self._reporter = weight, every, reporter
        self._lr_sum = 0.0

    def on_step(self, state: State) -> None:
        """Add the learning rate of this step, that of the backbone."""
        self._lr_sum += state.optimizer.param_groups[0]["lr"]
        if state.step % self._every == 0 or state.finished:
            state.watch.settle()
            self._reporter.metrics({schema.DOSE: self._weight * self._lr_sum}, state.step)

    def state_dict(self) -> dict[str, Any]:
        """The sum so far."""
        return {"lr_sum": self._lr_sum}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue it."""
        self._lr_sum = state["lr_sum"]


class LogGradientRatio(Callback):
    """Logs |gradient of the target's terms| / |gradient of the source's terms|, both before clipping.

    Only the steps after which losses are logged are measured, so it costs next to nothing. It changes no gradient.
    """

    def __init__(self, every: int, reporter: Reporter) -> None:
        self._every, self._reporter = every, reporter
        self._squares: dict[str, Tensor] = {}  # of the norm of a stream's gradient
        self._sums: list[Tensor] = []  # of the gradients of the terms so far, one for each weight

    def on_term(self, state: State, term: Term) -> None:
        """What this term has added to the gradients."""
        step = state.step + 1
        if step % self._every and step != state.schedule.stop:
            return
        weights = [weight for group in state.optimizer.param_groups for weight in group["params"]]
        sums = [torch.zeros_like(w) if w.grad is None else w.grad.detach().clone() for w in weights]
        added = [ranks.total(value) for value in (torch._foreach_sub(sums, self._sums) if self._sums else sums)]
        square = torch.stack(torch._foreach_norm(added)).square().sum()
        self._squares[term.stream] = self._squares.get(term.stream, torch.zeros_like(square)) + square
        self._sums = sums

    def on_step(self, state: State) -> None:
        """Log if the step was measured."""
        if self._squares.keys() >= {schema.SOURCE, schema.TARGET}:
            state.watch.settle()
            ratio = (self._squares[schema.TARGET] / self._squares[schema.SOURCE]).sqrt().item()
            self._reporter.metrics({schema.GRADIENT_RATIO: ratio}, state.step)
        self._squares, self._sums = {}, []
