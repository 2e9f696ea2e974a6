"""The only training loop, for every mode."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

import torch
from torch import Tensor, nn

from msl.data import Batch, Paired, Stream
from msl.errors import LoadingError
from msl.training.batch_norm import train_mode
from msl.training.devices import device_of
from msl.training.distributed.gradients import average
from msl.training.optimizers import set_lr
from msl.training.passes import EagerPasses, Passes
from msl.training.phases import CALLBACKS, COPIES, DATA, OPTIMIZER, Phases
from msl.training.recompute import Recompute
from msl.training.scaling import Scaling
from msl.training.schedules import Decay
from msl.training.stop import StopRequest
from msl.training.terms import Term
from msl.training.watch import LossWatch

if TYPE_CHECKING:  # training does not depend on how it is scored
    from msl.scoring.scores import Result


class Reporter(Protocol):
    """Takes the numbers and files of a training; `msl.tracking` has one for MLflow."""

    def metrics(self, values: Mapping[str, float], step: int) -> None:
        """Record scalars of one step."""

    def file(self, path: Path, folder: str) -> None:
        """Record a copy of a file as it is now."""

    def flush(self) -> None:
        """Return when everything recorded so far is safe."""

    def mark(self) -> str:
        """The present end of the record; a checkpoint keeps it, and a resumed training continues there."""

    def secure(self, mark: str) -> None:
        """Call it when a checkpoint with this mark is safe on the disk: no earlier row will be computed again."""


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """How long training lasts, in steps."""

    lr: Decay
    stop: int  # number of steps after which training ends, at most the horizon of lr
    epoch_iters: int


@dataclass(kw_only=True)
class State:
    """The parts of a training and its progress; callbacks read it, a checkpoint holds it."""

    model: nn.Module
    optimizer: torch.optim.Optimizer
    streams: Mapping[str, Stream | Paired]
    schedule: Schedule
    step: int = 0  # number of finished optimizer steps
    stop: StopRequest = field(default_factory=StopRequest)
    scaling: Scaling = field(default_factory=Scaling)
    watch: LossWatch = field(default_factory=LossWatch)
    phases: Phases = field(default_factory=Phases)

    # About the last finished step:
    parts: dict[str, Tensor] = field(default_factory=dict)  # weighted losses by name, detached
    batches: dict[str, tuple[str, ...]] = field(default_factory=dict)  # names of the samples, by stream
    shapes: dict[str, torch.Size] = field(default_factory=dict)  # of the images, by stream
    seconds: float = 0.0
    data_wait: float = 0.0  # the part of `seconds` in which the network waited for a batch
    result: "Result | None" = None  # of the evaluation after this step, if there was one
    improved: bool = False  # whether that result is the best so far
    is_chosen: bool = False  # whether a criterion without target labels prefers it to all earlier ones
    is_stopping: bool = False  # whether the training ends after this step by request; a checkpoint is due

    @property
    def finished(self) -> bool:
        """Whether no step is left."""
        return self.step >= self.schedule.stop

    def next_batch(self, stream: str) -> Batch:
        """The stream's next batch."""
        self.phases.enter(DATA)
        start = time.perf_counter()
        try:
            batch = next(self.streams[stream])
        except LoadingError:
            if self.stop.has_reached_loading:  # the step cannot be finished; the last checkpoint stays the newest
                self.stop.obey()
            raise
        self.data_wait += time.perf_counter() - start
        self.batches[stream] = batch.names
        self.shapes[stream] = batch.image.shape
        return batch

    def look_ahead(self, terms: Sequence[Term]) -> None:
        """Begin to copy the batches of the next step to the GPU, beside the computation of this one."""
        if self.finished:
            return
        self.phases.enter(COPIES)
        for stream in dict.fromkeys(term.stream for term in terms if term.active(self.step)):
            self.data_wait += self.streams[stream].look_ahead()


class Callback:
    """An action around the steps. A callback that counts saves its counts in the checkpoint.

    If several processes train together, it acts in each of them, with the losses of the global batch.
    """

    only_first: ClassVar[bool] = False  # True: it acts in the first process only; it may not add up anything

    def on_start(self, state: State) -> None:
        """Called before the first step of this process, also if the training is resumed."""

    def on_term(self, state: State, term: Term) -> None:
        """Called after the backward pass of a term: the gradients are those of the step's terms so far."""

    def on_gradients(self, state: State) -> None:
        """Called when a step's gradients are complete, before the optimizer's step."""

    def on_step(self, state: State) -> None:
        """Called after every optimizer step. On a GPU, the step may not be computed yet: see `State.watch`."""

    def on_end(self, state: State) -> None:
        """Called after the last step."""

    def close(self) -> None:
        """Called at the very end in every case, also after an error: finish what was begun."""

    def state_dict(self) -> dict[str, Any]:
        """What a resumed training needs, in tensors, numbers, strings, lists and dicts."""
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore what `state_dict` returned."""


def fit(
    state: State,
    terms: Sequence[Term],
    callbacks: Sequence[Callback],
    freeze_bn: bool = False,
    passes: Passes | None = None,
    clip_norm: float | None = None,
) -> None:
    """Train until the schedule's stop, or end after a step with the error of a stop request.

    A step computes one term after the other, each with its backward pass, so that memory holds one graph at a time. The
    gradients add up, and one optimizer step follows. Nothing in a step waits for a GPU. Several processes average their
    gradients before the optimizer's step.
    """
    on_gpu = device_of(state.model).type == "cuda"
    passes = passes or eager_passes(state)
    train_mode(state.model, freeze_bn)
    for callback in callbacks:
        callback.on_start(state)
    state.stop.obey()

    while not state.finished:
        start = _begin(state)
        set_lr(state.optimizer, state.schedule.lr.factor(state.step))
        active = [term for term in terms if term.active(state.step)]
        passes.begin(active)
        for term in active:
            state.parts |= passes.run(term, state.next_batch(term.stream))
            for callback in callbacks:
                callback.on_term(state, term)
        state.phases.enter(OPTIMIZER)
        average(state.model, state.parts)
        for callback in callbacks:
            callback.on_gradients(state)
        state.scaling.step(state.optimizer, clip_norm)
        state.scaling.update()
        state.step += 1
        if on_gpu:
            state.look_ahead(terms)
        state.seconds = time.perf_counter() - start
        state.is_stopping = state.stop.agree()
        state.phases.enter(CALLBACKS)
        for callback in callbacks:
            callback.on_step(state)
        if state.is_stopping:
            state.stop.obey()

    for callback in callbacks:
        callback.on_end(state)


def eager_passes(state: State, precision: torch.dtype = torch.float32, recompute: bool = False) -> EagerPasses:
    """The passes of a training, one operation after the other."""
    passes = EagerPasses(state.model, state.optimizer, state.scaling, state.phases, precision)
    return replace(passes, forward=Recompute(state.model)) if recompute else passes


def _begin(state: State) -> float:
    state.parts, state.batches, state.shapes, state.data_wait = {}, {}, {}, 0.0
    state.result, state.improved, state.is_chosen = None, False, False
    return time.perf_counter()
