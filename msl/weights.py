"""Files of weights: read without running code from them, and loaded whole or not at all."""

import argparse
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.error import URLError

import numpy as np
import torch
import torchvision.models as zoo
from torch import Tensor

from msl.errors import CheckpointError
from msl.foreign_files import refusal
from msl.seals import COPY_AGAIN, broken_parts, broken_seal

# What trainers call the state dict in their files, the most telling name first.
_ENTRIES = ("state_dict", "model_state_dict", "model_state", "model", "network", "net", "params", "weights")
_WRAPPERS = ("module.", "Scale.")  # DataParallel and the Caffe converter put these before every name
_WHOLE_WRAPPERS = ("_orig_mod.", "model.", "net.", "network.")  # as torch.compile and Lightning do: before all or none
_COUNTER = "num_batches_tracked"  # BatchNorm's; files older than PyTorch 0.4.1 lack it, and nothing here reads it
_SAFE = ".safetensors"
_SAVE = "torch.save(model.state_dict(), FILE)"
_GLOBAL = re.compile(r"GLOBAL (?P<name>[\w.]+)")  # of the message with which torch refuses an object


class ForeignObject:
    """Takes the place of an object in a file whose class is not a tensor's: nothing of the object is built or run."""

    def __new__(cls, *args: Any, **named: Any) -> "ForeignObject":
        """An empty object, whatever the file says."""
        return super().__new__(cls)

    def __init__(self, *args: Any, **named: Any) -> None:
        pass

    def __setstate__(self, state: Any) -> None:
        """Ignore the state."""


def load_file(path: Path) -> dict[str, Any]:
    """The dictionary in a file of `torch.save` or of safetensors.

    Objects in it that are no tensors become `ForeignObject`.

    Raises:
        CheckpointError: the file is missing or damaged, would run code, or holds something else.
    """
    reason = _refusal(path)
    if reason is not None:
        raise CheckpointError(f"{path} cannot be read: damaged, or no file of weights. It {reason}.")
    # Trainers save their best score as a NumPy scalar and their options as a namespace.
    scalar: Any = np.float64(0).__reduce__()[0]
    known: list[Any] = [(scalar, f"numpy.{core}.multiarray.scalar") for core in ("core", "_core")]
    known += [np.dtype, type(np.dtype(np.float64)), argparse.Namespace]
    if path.suffix == _SAFE:
        return _tensors(path)
    foreign: list[Any] = []
    try:
        with torch.serialization.safe_globals(known):
            foreign += [(ForeignObject, name) for name in _foreign_classes(path)]
            with torch.serialization.safe_globals(foreign):
                content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises pickle, zip, EOF and runtime errors for the kinds of damage
        raise CheckpointError(f"{path} cannot be read: damaged, or no file of weights{_why(error)}") from error
    if isinstance(content, ForeignObject):
        classes = ", ".join(name for _, name in foreign[:3])
        raise CheckpointError(
            f"{path} holds a whole model with its code ({classes}, …), no state dict. Where it was made, save its "
            f"weights alone: {_SAVE}."
        )
    if not isinstance(content, dict):
        raise CheckpointError(
            f"{path} holds a {type(content).__name__}, no state dict. Pass a file that holds one, as {_SAVE} writes it."
        )
    return content


def _tensors(path: Path) -> dict[str, Any]:
    """The tensors in a file of safetensors, which has no code to run."""
    try:
        from safetensors.torch import load_file as read
    except ImportError as error:
        raise CheckpointError(
            f"{path} needs the package safetensors, which is not installed: pip install safetensors, or pass a file of "
            f"{_SAVE}."
        ) from error
    try:
        return dict(read(path))
    except Exception as error:  # a header that is too long, a file that ends too early: errors of safetensors' own
        raise CheckpointError(f"{path} cannot be read: damaged, or no file of safetensors ({error}).") from error


def _refusal(path: Path) -> str | None:
    """Why a file cannot be loaded, if that can be told before; the text goes on from the file's name."""
    try:
        return broken_seal(path) or refusal(path) or broken_parts(path)
    except Exception as error:  # zipfile raises value, Unicode, compression and other errors for the kinds of damage
        return f"cannot be opened ({error}): {COPY_AGAIN}"


def _foreign_classes(path: Path) -> list[str]:
    """Names of the classes in a file that torch does not read by itself; none of a file in torch's older format."""
    try:
        return torch.serialization.get_unsafe_globals_in_checkpoint(str(path))
    except ValueError:
        return []


def _why(error: Exception) -> str:
    """What torch says of a file in our words: its own advice is to read such a file without protection."""
    text = str(error)
    if (match := _GLOBAL.search(text)) is not None:
        return (
            f": reading its object {match['name']} could run code. Where it was made, save its weights alone: {_SAVE}."
        )
    if "Ran out of input" in text or isinstance(error, EOFError) or "unexpected EOF" in text or "corrupted" in text:
        return ": it ends too early. Download or copy it again, and compare its size with the original's."
    return f". Pass a file that torch.save wrote, such as one of {_SAVE}."


def state_dict_in(content: Mapping[str, Any]) -> dict[str, Tensor]:
    """The tensors by name, without what trainers, DataParallel, torch.compile and converters put around them."""
    plain: dict[str, Tensor] = {}
    for name, value in inner_state(content).items():
        bare_name = str(name)
        for wrapper in _WRAPPERS:
            bare_name = bare_name.removeprefix(wrapper)
        if isinstance(value, Tensor):
            plain[bare_name] = value
    for wrapper in _WHOLE_WRAPPERS:
        if plain and all(name.startswith(wrapper) for name in plain):
            plain = {name.removeprefix(wrapper): value for name, value in plain.items()}
    return plain


def inner_state(content: Mapping[str, Any]) -> Mapping[str, Any]:
    """The table in a file that has the tensors, with the names of the file; trainers put it into another table."""
    if not any(isinstance(value, Tensor) for value in content.values()):
        for entry in _ENTRIES:
            inner = content.get(entry)
            if isinstance(inner, Mapping) and (state := inner_state(inner)):
                return state
        return {}
    return content


def check_fit(
    weights: dict[str, Tensor],
    expected: Mapping[str, Tensor],
    origin: str,
    remedy: str = "Choose the backbone and settings it is for.",
) -> dict[str, Tensor]:
    """`weights`, if they fit a module's state dict `expected`; missing counters of BatchNorm are added.

    Args:
        weights: by name.
        expected: the module's weights by name.
        origin: where the weights come from, for the message.
        remedy: the way out, for the message.

    Raises:
        CheckpointError: names what is missing, unexpected or of another shape.
    """
    whole = {name: value for name, value in expected.items() if name.endswith(_COUNTER)} | weights
    problems = {
        "missing": sorted(expected.keys() - whole.keys()),
        "unexpected": sorted(whole.keys() - expected.keys()),
        "of another shape": sorted(
            name for name in expected.keys() & whole.keys() if expected[name].shape != whole[name].shape
        ),
    }
    if any(problems.values()):
        listed = "; ".join(f"{len(keys)} {what} ({', '.join(keys[:3])}, …)" for what, keys in problems.items() if keys)
        raise CheckpointError(f"{origin} does not fit the network: {listed}. {remedy}")
    return whole


def save_compact(weights: Mapping[str, Tensor], file: Path) -> None:
    """Write weights to a file, with half the bits in kernels, which are nearly all of them, and not in norms."""
    compact = {
        name: value.half() if value.dim() > 1 else value
        for name, value in weights.items()
        if not name.endswith(_COUNTER)
    }
    torch.save(compact, file)


def torchvision_weights(network: str) -> dict[str, Tensor]:
    """ImageNet weights of one of torchvision's networks: from TORCH_HOME, or else downloaded into it.

    Raises:
        CheckpointError: they are not in the folder and cannot be downloaded.
    """
    weights = zoo.get_model_weights(network)["IMAGENET1K_V1"]
    try:
        state: dict[str, Tensor] = weights.get_state_dict(progress=True, check_hash=True)
    except (URLError, OSError, RuntimeError) as error:
        raise CheckpointError(
            f"ImageNet weights of {network} cannot be fetched: {error}. Put {weights.url.rpartition('/')[2]} into "
            f"{torch.hub.get_dir()}/checkpoints (TORCH_HOME sets that folder), or choose other weights."
        ) from error
    return state
