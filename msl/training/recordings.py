"""Work that a GPU records once and replays."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor

Parts = Mapping[str, Tensor]


class Recording(Protocol):
    """Recorded work."""

    @property
    def parts(self) -> Parts:
        """What the work gives; a replay writes new values into the same memory."""

    def replay(self) -> None:
        """Do the work, on what is in its memory now."""


class Recorder(Protocol):
    """Records work on a device."""

    def warm_up(self, work: Callable[[], Parts]) -> Parts:
        """Do work that may be recorded later."""

    def record(self, work: Callable[[], Parts]) -> Recording:
        """Record the work without doing it.

        Raises:
            RuntimeError: an operation in it waits for the device, or the memory is too small.
        """


class CudaRecorder:
    """Records CUDA graphs. They share their memory, so only one of them is replayed at a time."""

    def __init__(self, device: torch.device) -> None:
        self._device, self._pool = device, torch.cuda.graph_pool_handle()
        self._stream: Any = torch.cuda.Stream(device)

    def warm_up(self, work: Callable[[], Parts]) -> Parts:
        """On a stream of its own, as CUDA asks for what is recorded later."""
        current = torch.cuda.current_stream(self._device)
        self._stream.wait_stream(current)
        with torch.cuda.stream(self._stream):
            parts = work()
        current.wait_stream(self._stream)
        return parts

    def record(self, work: Callable[[], Parts]) -> "CudaRecording":
        """As `Recorder.record`. Other threads may use the GPU meanwhile."""
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, pool=self._pool, stream=self._stream, capture_error_mode="thread_local"):
            parts = work()
        return CudaRecording(graph, parts)


@dataclass(frozen=True)
class CudaRecording:
    """A CUDA graph."""

    graph: Any
    parts: Parts

    def replay(self) -> None:
        """Launch it."""
        self.graph.replay()
