"""A term's forward and backward pass as a CUDA graph: recorded once, then launched as a whole.

Python needs longer to launch the operations of a step than a fast GPU to compute them. A replay launches all of them at
once (https://pytorch.org/docs/stable/notes/cuda.html#whole-network-capture). These are the same kernels on the same
numbers, so the bits are those of the operations one by one.
"""

import logging
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from msl.data import Batch
from msl.training.passes import EagerPasses
from msl.training.phases import REPLAY
from msl.training.recordings import Parts, Recorder, Recording
from msl.training.terms import Term

log = logging.getLogger("msl")

_WARM_UPS = 3  # steps one by one before a recording; in them, libraries choose their kernels
_MOST_SHAPES = 4  # of a term's batches; each shape has a recording


@dataclass
class _Replayable:
    """A term with batches of one shape."""

    batch: Batch  # the recording reads its memory
    uses: int = 0
    reached: list[nn.Parameter] = field(default_factory=list)  # the weights that get a gradient of the term
    recording: Recording | None = None


class GraphPasses:
    """Replays the passes of each term that can be recorded. The others go one by one, and the log says why.

    A recording adds to gradients in fixed memory. A weight that no term of a step reaches has no gradient, as always.
    """

    def __init__(self, eager: EagerPasses, recorder: Recorder) -> None:
        self._eager, self._recorder = eager, recorder
        self._replayables: dict[int, dict[Hashable, _Replayable]] = {}  # by the term's id: an objective may lack a hash
        self._refused: set[int] = set()
        self._gradients: dict[nn.Parameter, Tensor] = {}

    def begin(self, terms: Sequence[Term]) -> None:
        """Set the gradients to zero that recordings of these terms add to; forget all others."""
        self._eager.begin(terms)
        for parameter in self._eager.model.parameters():
            parameter.grad = None
        reached = [parameter for term in terms for parameter in self._reached(term)]
        if reached:
            torch._foreach_zero_([self._gradients[parameter] for parameter in dict.fromkeys(reached)])
        for parameter in reached:
            parameter.grad = self._gradients[parameter]

    def run(self, term: Term, batch: Batch) -> Parts:
        """Replay the term's passes; in its first steps, carry them out one by one, then record them."""
        replayable = self._replayable(term, batch)
        if replayable is None:
            return self._eager.run(term, batch)
        for memory, tensor in zip(replayable.batch.tensors(), batch.tensors(), strict=True):
            memory.copy_(tensor)
        replayable.uses += 1
        if replayable.uses <= _WARM_UPS:
            return self._warm_up(term, replayable)
        if replayable.recording is None and not self._record(term, replayable):
            return self._eager.run(term, batch)
        assert replayable.recording is not None
        self._eager.phases.enter(REPLAY)
        replayable.recording.replay()
        return replayable.recording.parts

    def _replayable(self, term: Term, batch: Batch) -> _Replayable | None:
        """The term with batches of this shape; None if it cannot be recorded."""
        if id(term) in self._refused:
            return None
        if not _is_replayable(term.objective, self._eager.model):
            self._refuse(term, "its objective or its network does not say that it can be (`replayable`)")
            return None
        by_shape = self._replayables.setdefault(id(term), {})
        shape = tuple((tensor.shape, tensor.dtype) for tensor in batch.tensors())
        if shape not in by_shape:
            if len(by_shape) == _MOST_SHAPES:
                self._refuse(term, f"its batches have more than {_MOST_SHAPES} shapes")
                return None
            by_shape[shape] = _Replayable(batch.mapped(torch.clone))
        return by_shape[shape]

    def _warm_up(self, term: Term, replayable: _Replayable) -> Parts:
        """The passes one by one; it sees which weights get a gradient."""
        before = {parameter: parameter.grad for parameter in self._eager.model.parameters()}
        for parameter in before:
            parameter.grad = None
        parts = self._recorder.warm_up(lambda: self._eager.run(term, replayable.batch))
        replayable.reached = [parameter for parameter in before if parameter.grad is not None]
        for parameter, gradient in before.items():
            if gradient is not None:
                parameter.grad = gradient if parameter.grad is None else gradient.add_(parameter.grad)
        return parts

    def _record(self, term: Term, replayable: _Replayable) -> bool:
        """Record the passes; whether that was possible."""
        for parameter in replayable.reached:
            self._fix_gradient(parameter)
        try:
            replayable.recording = self._recorder.record(lambda: self._eager.run(term, replayable.batch))
        except RuntimeError as error:
            self._refuse(term, str(error).splitlines()[0])
            return False
        log.info("compile = graphs: the passes on %s are recorded", term.stream)
        return True

    def _fix_gradient(self, parameter: nn.Parameter) -> None:
        """Give a weight's gradient the memory that recordings add to, with the value that it has in this step."""
        memory = self._gradients.setdefault(parameter, torch.zeros_like(parameter))
        if parameter.grad is memory:
            return
        if parameter.grad is None:
            memory.zero_()
        else:
            memory.copy_(parameter.grad)
        parameter.grad = memory

    def _reached(self, term: Term) -> Iterable[nn.Parameter]:
        """The weights whose gradients are in fixed memory for the recordings of a term."""
        recorded = [r for r in self._replayables.get(id(term), {}).values() if r.recording is not None]
        return dict.fromkeys(parameter for replayable in recorded for parameter in replayable.reached)

    def _refuse(self, term: Term, reason: str) -> None:
        self._refused.add(id(term))
        self._replayables.pop(id(term), None)
        log.warning("compile = graphs: the passes on %s are not recorded, but go one by one: %s", term.stream, reason)


def _is_replayable(objective: object, model: nn.Module) -> bool:
    """Whether Python decides nothing anew in the passes: they depend on weights and batch alone."""
    return getattr(objective, "replayable", False) and all(
        getattr(module, "replayable", True) for module in model.modules()
    )
