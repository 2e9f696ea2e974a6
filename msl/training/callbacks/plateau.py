"""A learning rate that falls when the loss no longer falls."""

from typing import Any

import torch
from torch import Tensor

from msl.training.loop import Callback, State


class LowerOnPlateau(Callback):
    """Multiplies the learning rate by a factor after epochs in which the source loss did not fall.

    The schedule acts too; with poly_power = 0 it is constant.
    """

    _THRESHOLD = 1e-4  # a loss counts as lower if it is lower by this share, as in torch's ReduceLROnPlateau

    def __init__(self, factor: float, patience: int) -> None:
        self._factor, self._patience = factor, patience
        self._sum: Tensor | float = 0.0
        self._count = 0
        self._best, self._waited = float("inf"), 0

    def on_step(self, state: State) -> None:
        """Add up; after an epoch, compare."""
        self._sum = self._sum + state.parts["source"].double()  # it stays on its device: to read it would wait
        self._count += 1
        if state.step % state.schedule.epoch_iters == 0:
            state.watch.settle()
            self._compare(float(self._sum) / self._count, state.optimizer)
            self._sum, self._count = 0.0, 0

    def _compare(self, loss: float, optimizer: torch.optim.Optimizer) -> None:
        if loss < self._best * (1 - self._THRESHOLD):
            self._best, self._waited = loss, 0
            return
        self._waited += 1
        if self._waited > self._patience:
            self._waited = 0
            for group in optimizer.param_groups:
                group["initial_lr"] *= self._factor  # part of the optimizer's state, so a resumed training has it too

    def state_dict(self) -> dict[str, Any]:
        """The sums of the current epoch, the best loss, and the number of epochs without a better one."""
        return {"sum": float(self._sum), "count": self._count, "best": self._best, "waited": self._waited}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore them."""
        self._sum, self._count = state["sum"], state["count"]
        self._best, self._waited = state["best"], state["waited"]
