"""The whole state of a training in one file: written atomically, read without running code from it."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from msl.config import ModelConfig, validated
from msl.errors import CheckpointError
from msl.models import SegmentationNetwork, build_model
from msl.models.published import Published, read_published
from msl.style.front import built_front, put_in_front
from msl.weights import check_fit, load_file

FORMAT = 1

Saved = dict[str, Any]


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
    if saved["format"] != FORMAT:
        raise CheckpointError(f"{path} is of a version of msl with checkpoint format {saved['format']}, not {FORMAT}")
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
