"""Checkpoints: written atomically, read without running code from them."""

from msl.checkpoints.checkpoint import About, Checkpoint, NetworkAbout, Progress
from msl.checkpoints.files import read, reading_for, write
from msl.checkpoints.generations import newest_whole, previous_generation, write_generation
from msl.checkpoints.network import about_network, load_network, refuse_other_classes

__all__ = [
    "About",
    "Checkpoint",
    "NetworkAbout",
    "Progress",
    "about_network",
    "load_network",
    "newest_whole",
    "previous_generation",
    "read",
    "reading_for",
    "refuse_other_classes",
    "write",
    "write_generation",
]
