"""Files of weights: read without running code from them, and loaded whole or not at all."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.error import URLError

import numpy as np
import torch
import torchvision.models as zoo
from torch import Tensor

from msl.errors import CheckpointError

_WRAPPERS = ("module.", "Scale.")  # DataParallel and the Caffe converter put these before every name
_COUNTER = "num_batches_tracked"  # BatchNorm's; files older than PyTorch 0.4.1 lack it, and nothing here reads it


def load_file(path: Path) -> dict[str, Any]:
    """The dictionary in a file that `torch.save` wrote.

    Raises:
        CheckpointError: the file is damaged, would run code, or holds something else.
    """
    # Trainers save their best score as a NumPy scalar; nothing else of NumPy is allowed.
    scalar: Any = np.float64(0).__reduce__()[0]
    scalars: list[Any] = [(scalar, f"numpy.{core}.multiarray.scalar") for core in ("core", "_core")]
    try:
        with torch.serialization.safe_globals([*scalars, np.dtype, type(np.dtype(np.float64))]):
            content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises pickle, zip, EOF and runtime errors for the kinds of damage
        reason = next(iter(str(error).splitlines()), "it is empty")
        raise CheckpointError(
            f"{path} cannot be read: damaged, or no file of weights ({reason}). Pass a file that torch.save wrote."
        ) from error
    if not isinstance(content, dict):
        raise CheckpointError(f"{path} holds a {type(content).__name__}, no state dict. Pass a file that holds one.")
    return content


def state_dict_in(content: Mapping[str, Any]) -> dict[str, Tensor]:
    """The tensors by name, without what trainers, DataParallel and converters put around them."""
    state = content.get("state_dict", content)
    plain = {}
    for name, value in state.items() if isinstance(state, Mapping) else ():
        for wrapper in _WRAPPERS:
            name = name.removeprefix(wrapper)
        if isinstance(value, Tensor):
            plain[name] = value
    return plain


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
