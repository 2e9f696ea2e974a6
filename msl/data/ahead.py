"""A batch that is copied to the GPU beside the computation of the one before."""

from typing import Any

import torch

from msl.data.batch import Batch


class AheadCopy:
    """Copies one batch at a time to a GPU, on a stream of its own and out of memory that the GPU reads itself."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._stream: Any = torch.cuda.Stream(device)
        self._batch: Batch | None = None

    @property
    def is_empty(self) -> bool:
        """Whether no batch is on its way."""
        return self._batch is None

    def begin(self, batch: "Batch") -> None:
        """Begin to copy a batch; return at once."""
        pinned = batch.mapped(torch.Tensor.pin_memory)
        with torch.cuda.stream(self._stream):
            self._batch = pinned.to(self._device)

    def take(self) -> "Batch":
        """The batch; what is launched from now on waits for the copy, and Python does not."""
        batch, self._batch = self._batch, None
        assert batch is not None
        current = torch.cuda.current_stream(self._device)
        current.wait_stream(self._stream)
        for tensor in batch.tensors():
            tensor.record_stream(current)
        return batch

    def is_idle(self) -> bool:
        """Whether the GPU has computed everything that was launched."""
        is_idle: bool = torch.cuda.current_stream(self._device).query()
        return is_idle
