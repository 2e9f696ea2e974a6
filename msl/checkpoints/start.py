"""A training that starts from a checkpoint: the settings that come from the file, and a new head on its backbone."""

import logging
from collections.abc import Collection
from pathlib import Path
from typing import Any

from msl.checkpoints.checkpoint import Checkpoint
from msl.checkpoints.differences import BACKBONE, CLASSES, listed, refuse_differences
from msl.checkpoints.network import about_network, load_network
from msl.config import ModelConfig
from msl.models import SegmentationNetwork, build_model

log = logging.getLogger("msl")

_OPEN = ("dilations", "preprocessing", "bn_affine")  # settings that a file of another program leaves open
_METHOD = "multi"  # part of the training's method, so a recipe has it for a reason: no file changes it silently


def open_settings(model: ModelConfig, typed: Collection[str]) -> ModelConfig:
    """The settings for `read`: those that a file of another program leaves open count only if somebody typed them."""
    return model.model_copy(update=dict.fromkeys((name for name in _OPEN if name not in typed), None))


def refuse_typed(
    checkpoint: Checkpoint, title: Path | str, model: ModelConfig, typed: Collection[str], new_head: bool
) -> dict[str, Any]:
    """Refuse settings that were typed and that the file contradicts; gives the file's values of all others.

    Arguments and errors are those of `settings_from_file`.
    """
    stored = about_network(checkpoint, title).model.architecture()
    names = BACKBONE if new_head else tuple(name for name in stored if name != CLASSES)
    fixed = [name for name in names if name == _METHOD or (name in typed and getattr(model, name) is not None)]
    refuse_differences(title, {name: stored[name] for name in fixed}, model.architecture())
    return {name: stored[name] for name in names if name not in fixed}


def settings_from_file(
    checkpoint: Checkpoint, title: Path | str, model: ModelConfig, typed: Collection[str], new_head: bool
) -> dict[str, Any]:
    """The settings of the network that a training takes from the checkpoint that it starts from.

    Args:
        checkpoint: what `read` gave.
        title: its file or reference, for messages.
        model: the settings of the training.
        typed: names of the settings that somebody typed: the file must agree with them.
        new_head: only the backbone is taken from the file, so only its settings count.

    Raises:
        CheckpointError: the file has other values than those that were typed, or another number of outputs.
    """
    taken = refuse_typed(checkpoint, title, model, typed, new_head)
    changed = {name: value for name, value in taken.items() if getattr(model, name) not in (None, value)}
    if changed:
        log.info("%s decides the network: %s", title, listed(changed))
    return taken


def network_with_new_head(checkpoint: Checkpoint, title: Path | str, model: ModelConfig) -> SegmentationNetwork:
    """A new network whose backbone has the checkpoint's weights, on the CPU.

    Args:
        checkpoint: what `read` gave.
        title: its file or reference, for messages.
        model: the settings of the new network; those of its backbone are the file's.

    Raises:
        CheckpointError: the file's backbone is another one.
    """
    old = load_network(checkpoint, title)
    network = build_model(model.model_copy(update={"weights": "none"}))
    stored, expected = old.config.architecture(), network.config.architecture()
    refuse_differences(title, {name: stored[name] for name in BACKBONE}, expected)
    network.backbone.load_state_dict(old.backbone.state_dict())
    log.info(
        "head = new: the backbone is that of %s; the head is new, for %d classes in place of the file's %d",
        *(title, expected[CLASSES], stored[CLASSES]),
    )
    return network
