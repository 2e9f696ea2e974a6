"""Whether ImageNet weights can be had, known without torch."""

import os
import socket
from pathlib import Path

from msl.config.abilities import IMAGENET_FILES

_HOST, _PORT, _TIMEOUT_S = "download.pytorch.org", 443, 3.0


def missing_imagenet(backbone: str) -> str | None:
    """Why a backbone cannot have ImageNet weights; None if it can, or if its library decides.

    The file is in the folder of torch, or the server that has it can be reached.
    """
    name = IMAGENET_FILES.get(backbone)
    if name is None or (_weights_folder() / name).is_file() or _is_reachable():
        return None
    return f"{name} is not in {_weights_folder()} (TORCH_HOME sets the folder), and {_HOST} cannot be reached"


def _weights_folder() -> Path:
    """The folder in which torch keeps what it downloads."""
    cache = os.environ.get("XDG_CACHE_HOME", "~/.cache")
    return Path(os.environ.get("TORCH_HOME", f"{cache}/torch")).expanduser() / "hub" / "checkpoints"


def _is_reachable() -> bool:
    try:
        with socket.create_connection((_HOST, _PORT), _TIMEOUT_S):
            return True
    except OSError:
        return False
