"""How much a target objective has acted, and how its gradient compares with that of the source."""

from typing import Any

import torch
from torch import Tensor
from torch.utils.hooks import RemovableHandle

from msl import schema
from msl.training.loop import Callback, Reporter, State


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
        self._hooks: list[RemovableHandle] = []
        self._squares: dict[str, Tensor] = {}  # of the gradient so far, by stream

    def on_start(self, state: State) -> None:
        """Prepare the first step."""
        self._prepare(state)

    def on_step(self, state: State) -> None:
        """Log if the step was measured, and prepare the next one."""
        if self._hooks:
            self.close()
            self._log(state)
        self._prepare(state)

    def close(self) -> None:
        """Measure no more."""
        for hook in self._hooks:
            hook.remove()
        self._hooks = []

    def _prepare(self, state: State) -> None:
        step = state.step + 1
        if step <= state.schedule.stop and (step % self._every == 0 or step == state.schedule.stop):
            self._squares = {}
            trained = [p for group in state.optimizer.param_groups for p in group["params"] if p.requires_grad]
            self._hooks = [
                parameter.register_hook(lambda gradient: self._add(gradient, state)) for parameter in trained
            ]

    def _add(self, gradient: Tensor, state: State) -> None:
        stream = next(reversed(state.batches))  # the one whose term is in its backward pass
        square = gradient.detach().float().square().sum()
        self._squares[stream] = self._squares.get(stream, torch.zeros_like(square)) + square

    def _log(self, state: State) -> None:
        if self._squares.keys() >= {schema.SOURCE, schema.TARGET}:
            ratio = (self._squares[schema.TARGET] / self._squares[schema.SOURCE]).sqrt().item()
            self._reporter.metrics({schema.GRADIENT_RATIO: ratio}, state.step)
