"""The state of a training, saved and taken up again."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from msl import schema
from msl.checkpoints.checkpoint import FORMAT, Saved, write
from msl.training.loop import Callback, Reporter, State


class SaveCheckpoints(Callback):
    """Keeps ``last.pt`` and ``best.pt`` in a folder and hands every new one to the reporter.

    `last` is written after every evaluation, and every `every` steps; `best` when an evaluation was the best so far.
    What has been reported is made safe first, so that a training resumed from the file lacks no row before its step.
    """

    def __init__(
        self,
        folder: Path,
        reporter: Reporter,
        callbacks: Mapping[str, Callback],
        about: Mapping[str, Any],
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
            saved = capture(state, self._callbacks) | dict(self._about)
            for name in names:
                write(self._folder / name, saved)
                self._reporter.file(self._folder / name, schema.CHECKPOINT_FOLDER)


def capture(state: State, callbacks: Mapping[str, Callback]) -> Saved:
    """Everything on which the rest of a training depends."""
    random = {"cpu": torch.get_rng_state()}
    if torch.cuda.is_available():
        random["cuda"] = torch.cuda.get_rng_state()
    return {
        "format": FORMAT,
        "step": state.step,
        "weights": state.model.state_dict(),
        "optimizer": state.optimizer.state_dict(),
        "positions": {name: stream.position for name, stream in state.streams.items()},
        "random": random,
        "callbacks": {name: callback.state_dict() for name, callback in callbacks.items()},
    }


def restore(saved: Saved, state: State, callbacks: Mapping[str, Callback]) -> None:
    """Put a training back to where `capture` saw it; its streams were opened at `positions` already."""
    state.step = saved["step"]
    state.model.load_state_dict(saved["weights"])
    state.optimizer.load_state_dict(saved["optimizer"])
    torch.set_rng_state(saved["random"]["cpu"])
    if "cuda" in saved["random"] and torch.cuda.is_available():
        torch.cuda.set_rng_state(saved["random"]["cuda"])
    for name, own in saved["callbacks"].items():
        callbacks[name].load_state_dict(own)
