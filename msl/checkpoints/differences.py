"""Differences between the network in a file and the one that the settings describe, and the options to paste."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from msl.errors import CheckpointError

BACKBONE = ("backbone", "width", "output_stride", "preprocessing", "bn_affine")  # settings of the backbone alone
CLASSES = "num_classes"  # decided by the data
_NEW_HEAD = "head=new for a new head on its backbone"


def refuse_differences(title: Path | str, stored: Mapping[str, Any], expected: Mapping[str, Any]) -> None:
    """Refuse a network that the settings do not describe; `title` is its file or reference.

    Raises:
        CheckpointError: names both values of each difference, and the options to paste.
    """
    differing = {name: value for name, value in stored.items() if value != expected[name]}
    if differing:
        raise CheckpointError(
            f"{title} holds a network with {listed(differing)}; the settings ask for "
            f"{listed({name: expected[name] for name in differing})}. {_way_out(differing)}"
        )


def listed(settings: Mapping[str, Any]) -> str:
    """``backbone = resnet101, dilations = 6,12``."""
    return ", ".join(f"{name} = {_spelled(value)}" for name, value in settings.items())


def _spelled(value: Any) -> str:
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _way_out(stored: Mapping[str, Any]) -> str:
    options = " ".join(f"{name}={_spelled(value).lower()}" for name, value in stored.items() if name != CLASSES)
    keeps_backbone = not stored.keys() & set(BACKBONE)
    return f"Pass {' or '.join(filter(None, [options, _NEW_HEAD if keeps_backbone else '']))}."
