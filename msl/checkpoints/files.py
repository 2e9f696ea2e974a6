"""Checkpoints as files: written atomically, read without running code from them."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor

from msl.checkpoints.checkpoint import About, Checkpoint, NetworkAbout, Progress
from msl.config import ModelConfig, validated
from msl.errors import CheckpointError, ConfigError
from msl.files import whole_file
from msl.models.published import Published, read_published
from msl.seals import seal
from msl.weights import load_file

FORMAT = 1
_LATER = {"mark", "scaling"}  # parts of a training's state that files of older versions lack
K = TypeVar("K")


def write(path: Path, checkpoint: Checkpoint) -> None:
    """Write so that at any moment the path holds either the whole old file or the whole new one, which is sealed.

    Raises:
        CheckpointError: the folder cannot be written or the disk is full.
    """
    with whole_file(path, CheckpointError) as temporary:
        save(checkpoint, temporary)


def save(checkpoint: Checkpoint, path: Path) -> None:
    """Write a sealed file in place.

    Raises:
        OSError: the folder cannot be written or the disk is full.
    """
    content = {
        "format": FORMAT,
        "step": checkpoint.step,
        "weights": checkpoint.weights,
        **(vars(checkpoint.progress) if checkpoint.progress else {}),
        **_content_of(checkpoint.about),
    }
    try:
        with path.open("wb") as file:
            torch.save(content, file)
    except RuntimeError as error:  # torch raises one if the disk is full
        raise OSError(str(error)) from error
    seal(path)


def read(path: Path, config: ModelConfig | None = None) -> Checkpoint:
    """A checkpoint of ours or of the authors of the loss, on the CPU; runs no code from the file.

    Args:
        path: the file.
        config: settings that replace those of an authors' file; see `msl.models.published`.

    Raises:
        CheckpointError: the file is missing, damaged, or neither kind of checkpoint.
    """
    if not path.is_file():
        raise CheckpointError(f"checkpoint = {path}: no such file. Pass a path or runs:/ID/checkpoints/last.pt.")
    content = load_file(path)
    if "format" not in content:
        return _authors_checkpoint(path, read_published(path, config))
    if content["format"] != FORMAT:
        raise CheckpointError(
            f"{path} has checkpoint format {content['format']!r}, and this version of msl reads format {FORMAT}. Use "
            "the version that wrote it."
        )
    try:
        return _checkpoint(content)
    except (ConfigError, KeyError, TypeError, ValueError) as error:
        reason = f"its entry {error} is missing" if isinstance(error, KeyError) else str(error)
        raise CheckpointError(
            f"{path} is marked as a checkpoint of msl, but not all of it can be used: {reason}. Pass a file that msl "
            "wrote, or use the version that wrote it."
        ) from error


@contextmanager
def reading_for(reference: str, path: Path) -> Iterator[None]:
    """Errors of this block name what a user typed, and not the file that was downloaded for it."""
    try:
        yield
    except CheckpointError as error:
        raise CheckpointError(str(error).replace(str(path), reference)) from error


def is_checkpoint(path: Path) -> bool:
    """Whether a file is a checkpoint of ours, and not bare weights; raises as `load_file` does."""
    return path.is_file() and "format" in load_file(path)


def _content_of(about: About) -> dict[str, Any]:
    """What the file says of itself, in values that `torch.load` reads without running code."""
    content: dict[str, Any] = {"group": about.group, "stage": about.stage, "settings": dict(about.settings)}
    if about.network is not None:
        content |= {
            "model": about.network.model.model_dump(mode="json"),
            "label_set": about.network.label_set,
            "classes": list(about.network.classes),
            "palette": [list(colour) for colour in about.network.palette],
        }
        if about.network.front is not None:
            content["front"] = dict(about.network.front)
    if about.style is not None:
        content["vgg"] = dict(about.style)
    if about.view is not None:
        content["input"] = dict(about.view)
    return content


def _checkpoint(content: Mapping[str, Any]) -> Checkpoint:
    names = Progress.__dataclass_fields__.keys() - _LATER
    return Checkpoint(
        about=About(
            group=content.get("group", ""),
            stage=content.get("stage"),
            settings=_entry(content, "settings", dict) if "settings" in content else {},
            network=_network(content) if "model" in content else None,
            style=content.get("vgg"),
            view=content.get("input"),
        ),
        step=_entry(content, "step", int),
        weights=_weights(content),
        progress=_progress(content, names) if content.keys() >= names else None,
    )


def _progress(content: Mapping[str, Any], names: set[str]) -> Progress:
    later = {name: content[name] for name in _LATER if name in content}
    return Progress(**{name: content[name] for name in names}, **later)


def _network(content: Mapping[str, Any]) -> NetworkAbout:
    return NetworkAbout(
        model=validated(ModelConfig, content["model"]),
        label_set=_entry(content, "label_set", str),
        classes=tuple(_entry(content, "classes", list)),
        palette=tuple((red, green, blue) for red, green, blue in content.get("palette", ())),
        front=content.get("front"),
    )


def _entry(content: Mapping[str, Any], name: str, kind: type[K]) -> K:
    """An entry of the file, if it is what it should be."""
    value = content[name]
    if not isinstance(value, kind):
        raise TypeError(f"its entry {name} is a {type(value).__name__}, no {kind.__name__}")
    return value


def _weights(content: Mapping[str, Any]) -> dict[str, Tensor]:
    weights: dict[str, Any] = _entry(content, "weights", dict)
    for name, value in weights.items():
        if not isinstance(value, Tensor):
            raise TypeError(f"its weight {name} is a {type(value).__name__}, no Tensor")
    return weights


def _authors_checkpoint(path: Path, published: Published) -> Checkpoint:
    """An authors' file does not say with which data and settings it was trained."""
    label_set = published.label_set
    network = NetworkAbout(
        model=published.config, label_set=label_set.name, classes=label_set.classes, palette=label_set.palette
    )
    about = About(group=path.stem, network=network)
    return Checkpoint(about=about, step=published.step, weights=published.weights)
