"""The phases of a step, and a clock for them."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import torch
from torch import nn

DATA: Final = "data"  # the wait for a batch
COPIES: Final = "copies"  # of the next batches to the GPU, and the wait for them
FORWARD: Final = "forward"
LOSSES: Final = "losses"
BACKWARD: Final = "backward"
REPLAY: Final = "replay"  # of recorded passes: forward, losses and backward
OPTIMIZER: Final = "optimizer"
CALLBACKS: Final = "callbacks"
WAITING: Final = "waiting"  # for the GPU

_MEMORY_FACTS = Path("/proc/self/statm")
_PAGE = 4096  # bytes


class Phases:
    """Says which phase of a step begins. Nothing happens as long as no clock listens."""

    def __init__(self) -> None:
        self.clock: Clock | None = None

    def enter(self, phase: str) -> None:
        """This phase begins, and the one before ends."""
        if self.clock is not None:
            self.clock.enter(phase)

    @contextmanager
    def telling_of(self, model: nn.Module) -> Iterator[None]:
        """In the block, the forward pass of a network is a phase; a compiled network would be compiled again."""
        if model._compiled_call_impl is not None:
            yield
            return
        hooks = [
            model.register_forward_pre_hook(lambda *_: self.enter(FORWARD)),
            model.register_forward_hook(lambda *_: self.enter(LOSSES)),
        ]
        try:
            yield
        finally:
            for hook in hooks:
                hook.remove()


class Clock:
    """Adds up the time of each phase, on the CPU and on the GPU, and sees the memory at its end."""

    def __init__(self, device: torch.device) -> None:
        self.cpu_s: dict[str, float] = {}
        self.memory_mb: dict[str, float] = {}  # the largest at the end of the phase
        self._device = device
        self._phase, self._start_s, self._start_event = "", 0.0, None
        self._events: list[tuple[str, Any, Any]] = []

    def enter(self, phase: str) -> None:
        """A phase begins; the one before ends."""
        self.stop()
        self._phase, self._start_s, self._start_event = phase, time.perf_counter(), self._event()

    def stop(self) -> None:
        """The present phase ends, and no other begins."""
        if not self._phase:
            return
        self.cpu_s[self._phase] = self.cpu_s.get(self._phase, 0.0) + time.perf_counter() - self._start_s
        memory_mb = memory_in_use(self._device) / 2**20
        self.memory_mb[self._phase] = max(self.memory_mb.get(self._phase, 0.0), memory_mb)
        if self._start_event is not None and (end := self._event()) is not None:
            self._events.append((self._phase, self._start_event, end))
        self._phase = ""

    def gpu_s(self) -> dict[str, float]:
        """Seconds between the first and the last operation of each phase on the GPU; empty on a CPU."""
        seconds: dict[str, float] = {}
        for phase, start, end in self._events:
            end.synchronize()
            seconds[phase] = seconds.get(phase, 0.0) + start.elapsed_time(end) / 1000
        return seconds

    def _event(self) -> Any:
        if self._device.type != "cuda" or torch.cuda.is_current_stream_capturing():
            return None
        event = torch.cuda.Event(enable_timing=True)
        event.record(torch.cuda.current_stream(self._device))
        return event


def memory_in_use(device: torch.device) -> int:
    """Bytes of tensors on a GPU, or of this process; 0 where the system does not say."""
    if device.type == "cuda":
        return torch.cuda.memory_allocated(device)
    return int(_MEMORY_FACTS.read_text().split()[1]) * _PAGE if _MEMORY_FACTS.is_file() else 0
