"""The whole state of a training in one file: written atomically, read without running code from it."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from msl import schema
from msl.config import ModelConfig, validated
from msl.errors import CheckpointError
from msl.models import SegmentationNetwork, build_model
from msl.models.published import Published, read_published
from msl.training.front import built_front, put_in_front
from msl.training.loop import Callback, Reporter, State
from msl.weights import check_fit, load_file

_FORMAT = 1

Saved = dict[str, Any]


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
        "format": _FORMAT,
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


def write(path: Path, saved: Saved) -> None:
    """Write so that at any moment the path holds either the whole old file or the whole new one.

    Raises:
        CheckpointError: the folder cannot be written or the disk is full.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("wb") as file:
            torch.save(saved, file)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except (OSError, RuntimeError) as error:  # torch wraps a full disk in a RuntimeError
        temporary.unlink(missing_ok=True)
        raise CheckpointError(f"{path} cannot be written: {error}") from error


def read(path: Path, wanted: ModelConfig | None = None) -> Saved:
    """A checkpoint of ours or of the authors of the loss, on the CPU; runs no code from the file.

    Args:
        path: the file.
        wanted: in what an authors' network is to differ from the file; see `msl.models.published`.

    Raises:
        CheckpointError: the file is missing, damaged, or no such checkpoint.
    """
    if not path.is_file():
        raise CheckpointError(f"checkpoint = {path}: no such file")
    saved = load_file(path)
    if "format" not in saved:
        return _in_our_form(path, read_published(path, wanted))
    if saved["format"] != _FORMAT:
        raise CheckpointError(f"{path} is of a version of msl with checkpoint format {saved['format']}, not {_FORMAT}")
    return saved


def _in_our_form(path: Path, found: Published) -> Saved:
    """What an authors' file says of itself, as ours do: not which data and settings it was trained with."""
    return {
        "step": found.step,
        "weights": found.weights,
        "model": found.config.model_dump(mode="json"),
        "label_set": found.label_set.name,
        "classes": list(found.label_set.classes),
        "group": path.stem,
        "settings": {},
    }


def network_settings(saved: Saved, path: Path) -> ModelConfig:
    """The settings of the network in a checkpoint.

    Raises:
        CheckpointError: it holds no segmentation network.
    """
    if "model" not in saved:
        raise CheckpointError(f"{path} is of stage {saved.get('stage')} and holds no segmentation network")
    return validated(ModelConfig, saved["model"])


def load_network(
    saved: Saved, path: Path, expected: ModelConfig | None = None, classes: Sequence[str] | None = None
) -> SegmentationNetwork:
    """The network in a checkpoint.

    Args:
        saved: what `read` gave.
        path: where from, for messages.
        expected: the network that the settings describe, if it matters.
        classes: the classes that the data has, if they matter.

    Raises:
        CheckpointError: it is another network, or for other classes; the message names each difference.
    """
    own = network_settings(saved, path)
    if classes is not None and list(classes) != saved["classes"]:
        raise CheckpointError(
            f"{path} predicts {len(saved['classes'])} classes ({', '.join(saved['classes'])}), the data has "
            f"{len(classes)} ({', '.join(classes)}). Pass label_set={saved['label_set']} or another checkpoint."
        )
    if expected is not None:
        there, asked = own.architecture(), expected.architecture()
        differing = [k for k in there if there[k] != asked[k]]
        if differing:
            has = ", ".join(f"{k} = {there[k]}" for k in differing)
            wants = ", ".join(f"{k} = {asked[k]}" for k in differing)
            raise CheckpointError(f"{path} holds a network with {has}; the settings ask for {wants}. Make them agree.")
    model = build_model(own.model_copy(update={"weights": "none"}))
    if "front" in saved:
        put_in_front(model, built_front(saved["front"]))
    model.load_state_dict(check_fit(saved["weights"], model.state_dict(), str(path)))
    return model
