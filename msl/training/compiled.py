"""The network's forward and backward pass in fewer, larger operations, which torch.compile makes for one size."""

import logging
from collections.abc import Sequence

import torch

from msl.data import Batch
from msl.training.devices import device_of
from msl.training.passes import EagerPasses
from msl.training.recordings import Parts
from msl.training.terms import Term

log = logging.getLogger("msl")

_MOST_SHAPES = 4  # of images; each is compiled for itself


class CompiledPasses:
    """Passes with the compiled network. If it cannot be compiled, the log says why, and training goes on without.

    Scoring uses the network as it is.
    """

    def __init__(self, eager: EagerPasses, backend: str = "inductor") -> None:
        self._eager = eager
        self._shapes: set[torch.Size] = set()
        self._is_compiled = True
        eager.model.compile(dynamic=False, backend=backend)

    def begin(self, terms: Sequence[Term]) -> None:
        """Forget the gradients of the step before."""
        self._eager.begin(terms)

    def run(self, term: Term, batch: Batch) -> Parts:
        """Run the compiled network; the first time for each shape, compile it."""
        if not self._is_compiled or batch.image.shape in self._shapes:
            return self._eager.run(term, batch)
        if len(self._shapes) == _MOST_SHAPES:
            self._give_up(f"images have more than {_MOST_SHAPES} shapes")
            return self._eager.run(term, batch)
        return self._first_run(term, batch)

    def _first_run(self, term: Term, batch: Batch) -> Parts:
        """Run with a compilation; if that fails, run again without, from the same buffers and random state."""
        device = device_of(self._eager.model)
        buffers = [buffer.clone() for buffer in self._eager.model.buffers()]
        gradients = [None if p.grad is None else p.grad.clone() for p in self._eager.model.parameters()]
        random = torch.get_rng_state(), torch.cuda.get_rng_state(device) if device.type == "cuda" else None
        try:
            parts = self._eager.run(term, batch)
        except Exception as error:  # whatever a compiler raises; an error of the network comes again without it
            self._give_up(f"{type(error).__name__}: {str(error).strip().splitlines()[0]}")
            with torch.no_grad():
                for buffer, value in zip(self._eager.model.buffers(), buffers, strict=True):
                    buffer.copy_(value)
            for parameter, gradient in zip(self._eager.model.parameters(), gradients, strict=True):
                parameter.grad = gradient
            torch.set_rng_state(random[0])
            if random[1] is not None:
                torch.cuda.set_rng_state(random[1], device)
            return self._eager.run(term, batch)
        self._shapes.add(batch.image.shape)
        return parts

    def _give_up(self, reason: str) -> None:
        self._is_compiled = False
        self._eager.model._compiled_call_impl = None  # what `nn.Module.compile` has set
        log.warning("compile = network: training goes on without a compiled network: %s", reason)
