"""The losses of the last steps, looked at without waiting for the device that computes them."""

import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from msl import schema
from msl.errors import DivergedError

_STEPS_BEHIND = 4  # on a GPU: so far training may run ahead of it


@dataclass(frozen=True)
class _Losses:
    """The losses of one step, on their way to the CPU."""

    step: int
    names: tuple[str, ...]
    values: Tensor  # (parts,)
    arrival: Any  # the event after the copy from the GPU; None: they are on the CPU
    batches: Mapping[str, tuple[str, ...]]  # names of the samples, by stream

    def wait(self) -> float:
        """Wait until they are on the CPU; gives the seconds that it took."""
        if self.arrival is None:
            return 0.0
        start = time.perf_counter()
        self.arrival.synchronize()
        return time.perf_counter() - start

    def check(self) -> None:
        """Raise an error if one of them is no number."""
        if not self.values.isfinite().all():
            raise self._diverged()

    def _diverged(self) -> DivergedError:
        pairs = zip(self.names, self.values.tolist(), strict=True)
        values = ", ".join(f"{schema.loss(name)} = {value:g}" for name, value in pairs)
        batches = "; ".join(f"{stream}: {', '.join(names)}" for stream, names in self.batches.items())
        return DivergedError(
            f"{values} at step {self.step} (batch {batches}). Lower lr or lambda_target, or look at those images; "
            "the last checkpoint is older than this step."
        )


class LossWatch:
    """Whether the losses are numbers. On a CPU it looks at once, on a GPU some steps later.

    Whoever saves, logs or scores calls `settle` before, so no step with such a loss is ever in a file or a record.
    """

    def __init__(self, steps_behind: int = _STEPS_BEHIND) -> None:
        self._steps_behind = steps_behind
        self._pending: deque[_Losses] = deque()
        self._waited_s = 0.0

    def add(self, step: int, parts: Mapping[str, Tensor], batches: Mapping[str, tuple[str, ...]]) -> None:
        """Take the losses of a step, and look at those that are old enough.

        Raises:
            DivergedError: one of them is no number; it names the loss, its step and its batch.
        """
        values, arrival = _sent_to_cpu(torch.stack(list(parts.values())))
        self._pending.append(_Losses(step, tuple(parts), values, arrival, dict(batches)))
        self._check_all_but(0 if arrival is None else self._steps_behind)

    def settle(self) -> None:
        """Look at the losses of all steps; raises as `add` does."""
        self._check_all_but(0)

    def waited_s(self) -> float:
        """Seconds in which it waited for the device since the last call."""
        waited, self._waited_s = self._waited_s, 0.0
        return waited

    def _check_all_but(self, newest: int) -> None:
        while len(self._pending) > newest:
            oldest = self._pending.popleft()
            self._waited_s += oldest.wait()
            oldest.check()


def _sent_to_cpu(values: Tensor) -> tuple[Tensor, Any]:
    """The values on the CPU, and the event after which they are there; None if they are there already."""
    if values.device.type != "cuda":
        return values.cpu(), None
    pinned = torch.empty(values.shape, dtype=values.dtype, pin_memory=True)
    pinned.copy_(values, non_blocking=True)
    return pinned, torch.cuda.current_stream(values.device).record_event()
