"""A very small encoder with random weights: it lets everything around it be tried out without a download."""

from pathlib import Path

import torch

from msl.errors import CheckpointError
from msl.files import whole_file
from msl.style.encoder import VGG, Encoder

_CHANNELS = (4, 6, 8, 10)


def write_small_encoder(file: Path) -> None:
    """Write its weights; the same ones each time.

    Raises:
        CheckpointError: the file cannot be written.
    """
    with torch.random.fork_rng(devices=[]), whole_file(file, CheckpointError) as temporary:
        torch.manual_seed(0)
        torch.save(Encoder(VGG(channels=_CHANNELS)).state_dict(), temporary)
