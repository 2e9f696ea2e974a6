"""Saving and restoring the state of a training."""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from torch import Tensor

from msl import schema
from msl.checkpoints import About, Checkpoint, Progress, write, write_generation
from msl.errors import CheckpointError
from msl.training.background import Background
from msl.training.callbacks.cadence import Cadence
from msl.training.devices import device_of
from msl.training.loop import Callback, Reporter, State
from msl.training.optimizers import restore_optimizer
from msl.training.random_states import random_states, restore_random_states


class SaveCheckpoints(Callback):
    """Keeps ``last.pt`` with the generation before it, ``best.pt`` and ``chosen.pt``, and hands them to the reporter.

    It saves `last` after every evaluation, every `every` steps, by time and when the training shall stop, `best` after
    each evaluation that is the best so far, and `chosen` after each that a criterion prefers to all before. It hands
    them over after every evaluation, at the end, and every `upload_minutes`.

    The state is copied between two steps; the files are written beside the training, one checkpoint at a time. There
    the reporter is flushed first, so that a training resumed from the file lacks no row before its step.
    """

    only_first = True

    def __init__(
        self,
        folder: Path,
        reporter: Reporter,
        callbacks: Mapping[str, Callback],
        about: About,
        every: int | None = None,
        upload_minutes: float = 10.0,
    ) -> None:
        self._folder, self._reporter, self._callbacks, self.about = folder, reporter, callbacks, about
        self._every, self._cadence, self._writer = every, Cadence(upload_minutes), Background()
        self._has_written = False

    def on_start(self, state: State) -> None:
        """Count the time from now. Save, too, after an evaluation for which a resumed training makes up.

        And if no step is left: perhaps the process was killed before it handed over its last checkpoint.
        """
        self._cadence.restart()
        if state.result is not None or state.finished:
            self.on_step(state)

    def on_step(self, state: State) -> None:
        """Save if it is time.

        Raises:
            CheckpointError: the folder cannot be written; it may come a few steps after the save.
        """
        self._writer.check()
        every = self._every is not None and state.step % self._every == 0
        if every or state.result is not None or state.finished or state.is_stopping:
            self._writer.wait()
            self._save(state)
        elif self._cadence.is_due and not self._writer.is_busy:
            self._save(state)

    def on_end(self, state: State) -> None:
        """Return when the last checkpoint is written and handed over; raises as `on_step` does."""
        self._writer.wait()

    def close(self) -> None:
        """Return when what was begun is written; an error goes to the log."""
        self._writer.close()

    def _save(self, state: State) -> None:
        state.watch.settle()
        marks = {schema.BEST_CHECKPOINT: state.improved, schema.CHOSEN_CHECKPOINT: state.is_chosen}
        names = [name for name, is_due in marks.items() if is_due]
        uploads = state.result is not None or state.finished or state.is_stopping or self._cadence.is_upload_due
        mark = self._reporter.mark()
        self._cadence.begin(uploads)
        checkpoint = capture(state, self._callbacks, self.about, mark)
        self._writer.start(partial(self._write, checkpoint, names, mark, uploads))

    def _write(self, checkpoint: Checkpoint, names: Sequence[str], mark: str, uploads: bool) -> None:
        """In the writer's thread. No kill may come between a `last` that knows of the others and the record of these.

        Args:
            checkpoint: the state.
            names: the files beside `last`.
            mark: the end of the run's record.
            uploads: whether the files are handed over.
        """
        for name in names:
            write(self._folder / name, checkpoint)
            self._hand_over(name, uploads)
        self._reporter.flush()
        write_generation(self._folder / schema.LAST_CHECKPOINT, checkpoint, self._has_written)
        self._has_written = True
        self._cadence.end()
        self._reporter.secure(mark)
        self._hand_over(schema.LAST_CHECKPOINT, uploads)

    def _hand_over(self, name: str, uploads: bool) -> None:
        if uploads:
            self._reporter.file(self._folder / name, schema.CHECKPOINT_FOLDER)


def capture(state: State, callbacks: Mapping[str, Callback], about: About, mark: str = "") -> Checkpoint:
    """Everything that a resumed training needs, copied: the training may go on.

    Args:
        state: of the training.
        callbacks: those whose counts are kept, by name.
        about: what the checkpoint says of itself.
        mark: the end of the run's record; see `Reporter.mark`.
    """
    progress = Progress(
        optimizer=_copied(state.optimizer.state_dict()),
        positions={name: stream.position for name, stream in state.streams.items()},
        random=random_states(device_of(state.model)),
        callbacks=_copied({name: callback.state_dict() for name, callback in callbacks.items()}),
        mark=mark,
        scaling=state.scaling.state_dict(),
    )
    return Checkpoint(about=about, step=state.step, weights=_copied(state.model.state_dict()), progress=progress)


def _copied(value: Any) -> Any:
    """Tensors as copies on the CPU; the containers around them are new, too."""
    if isinstance(value, Tensor):
        return value.detach().to("cpu", copy=True)
    if isinstance(value, Mapping):
        return {name: _copied(part) for name, part in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(_copied(part) for part in value)
    return value


def restore(checkpoint: Checkpoint, state: State, callbacks: Mapping[str, Callback]) -> None:
    """Restore the state that `capture` saved, except the streams: they are opened at their positions before.

    Raises:
        CheckpointError: the checkpoint holds only a network, or its optimizer has other groups of parameters.
    """
    progress = checkpoint.progress
    if progress is None:
        raise CheckpointError("the checkpoint holds only a network, not the state of a training: start a new run")
    state.step = checkpoint.step
    state.model.load_state_dict(checkpoint.weights)
    restore_optimizer(state.optimizer, progress.optimizer)
    state.scaling.load_state_dict(progress.scaling)
    restore_random_states(progress.random, device_of(state.model))
    for name, counts in progress.callbacks.items():
        callbacks[name].load_state_dict(counts)
