"""Saving and restoring the state of a training."""

from collections.abc import Mapping
from pathlib import Path

import torch

from msl import schema
from msl.checkpoints import About, Checkpoint, Progress, write
from msl.errors import CheckpointError
from msl.training.loop import Callback, Reporter, State


class SaveCheckpoints(Callback):
    """Keeps ``last.pt`` and ``best.pt`` in a folder and hands every new one to the reporter.

    It writes `last` after every evaluation and every `every` steps, and `best` after each evaluation that is the best
    so far. It flushes the reporter first, so that a training resumed from the file lacks no row before its step.
    """

    def __init__(
        self,
        folder: Path,
        reporter: Reporter,
        callbacks: Mapping[str, Callback],
        about: About,
        every: int | None = None,
    ) -> None:
        self._folder, self._reporter, self._callbacks, self._about = folder, reporter, callbacks, about
        self._every = every

    def on_step(self, state: State) -> None:
        """Save if it is time.

        Raises:
            CheckpointError: the folder cannot be written.
        """
        due = self._every is not None and state.step % self._every == 0
        names = [schema.BEST_CHECKPOINT] * state.improved
        names += [schema.LAST_CHECKPOINT] * (due or state.result is not None or state.finished)
        if names:
            self._reporter.flush()
            mark = self._reporter.mark()
            checkpoint = capture(state, self._callbacks, self._about, mark)
            for name in names:
                write(self._folder / name, checkpoint)
            self._reporter.secure(mark)
            for name in names:
                self._reporter.file(self._folder / name, schema.CHECKPOINT_FOLDER)


def capture(state: State, callbacks: Mapping[str, Callback], about: About, mark: str = "") -> Checkpoint:
    """Everything that a resumed training needs."""
    random = {"cpu": torch.get_rng_state()}
    if torch.cuda.is_available():
        random["cuda"] = torch.cuda.get_rng_state()
    progress = Progress(
        optimizer=state.optimizer.state_dict(),
        positions={name: stream.position for name, stream in state.streams.items()},
        random=random,
        callbacks={name: callback.state_dict() for name, callback in callbacks.items()},
        mark=mark,
    )
    return Checkpoint(about=about, step=state.step, weights=state.model.state_dict(), progress=progress)


def restore(checkpoint: Checkpoint, state: State, callbacks: Mapping[str, Callback]) -> None:
    """Restore the state that `capture` saved, except the streams: they are opened at their positions before.

    Raises:
        CheckpointError: the checkpoint holds only a network.
    """
    progress = checkpoint.progress
    if progress is None:
        raise CheckpointError("the checkpoint holds only a network, not the state of a training: start a new run")
    state.step = checkpoint.step
    state.model.load_state_dict(checkpoint.weights)
    state.optimizer.load_state_dict(progress.optimizer)
    torch.set_rng_state(progress.random["cpu"])
    if "cuda" in progress.random and torch.cuda.is_available():
        torch.cuda.set_rng_state(progress.random["cuda"])
    for name, counts in progress.callbacks.items():
        callbacks[name].load_state_dict(counts)
