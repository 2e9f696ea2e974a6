"""Losses, speed and memory, averaged over an interval."""

import resource
import sys
from collections.abc import Callable, Mapping
from typing import Any

import torch

from msl import schema
from msl.numerics import ranks
from msl.training.devices import device_of
from msl.training.loop import Callback, Reporter, State

_IMAGES = "images"  # that were trained on; the rate follows from their sum and that of the seconds


class LogMeans(Callback):
    """Logs each loss, the speed and the memory, averaged over an interval of steps."""

    def __init__(self, every: int, reporter: Reporter, observed: Mapping[str, Callable[[], torch.Tensor]] = {}) -> None:
        """Set it up.

        Args:
            every: steps in an interval.
            reporter: takes the means.
            observed: further numbers of the last finished step, by metric.
        """
        self._every, self._reporter, self._observed = every, reporter, observed
        self._sums: dict[str, torch.Tensor | float] = {}
        self._counts: dict[str, int] = {}

    def on_step(self, state: State) -> None:
        """Add up; at the end of the interval, log the means and start again."""
        seconds = state.seconds + state.watch.waited_s()
        for name, part in state.parts.items():
            self._add(schema.loss(name), part.double())
        for name, value in self._observed.items():
            self._add(name, value().double())
        self._add(schema.STEP_S, seconds)
        self._add(schema.DATA_WAIT_S, state.data_wait)
        self._add(_IMAGES, sum(len(names) for names in state.batches.values()))
        if state.step % self._every == 0 or state.finished:
            self._log(state)

    def _add(self, name: str, value: torch.Tensor | float) -> None:
        self._sums[name] = self._sums.get(name, 0.0) + value
        self._counts[name] = self._counts.get(name, 0) + 1

    def _log(self, state: State) -> None:
        state.watch.settle()
        self._sums[schema.STEP_S] += state.watch.waited_s()  # the rest of this interval's work on the GPU
        means = {name: float(total) / self._counts[name] for name, total in self._sums.items()}
        images = float(ranks.total(torch.tensor(means.pop(_IMAGES), dtype=torch.float64)))  # of all processes
        means[schema.IMAGES_PER_S] = images / means[schema.STEP_S]
        means[schema.LR] = state.optimizer.param_groups[0]["lr"]
        means[schema.EPOCH] = state.step / state.schedule.epoch_iters
        means[schema.MEMORY] = _peak_memory_mb(device_of(state.model))
        self._reporter.metrics(means, state.step)
        self._sums, self._counts = {}, {}

    def state_dict(self) -> dict[str, Any]:
        """The sums of the current interval."""
        return {"sums": {name: float(total) for name, total in self._sums.items()}, "counts": dict(self._counts)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue that interval."""
        self._sums, self._counts = dict(state["sums"]), dict(state["counts"])


def _peak_memory_mb(device: torch.device) -> float:
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 2**20
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2**20 if sys.platform == "darwin" else peak / 2**10  # bytes on macOS, kibibytes on Linux
