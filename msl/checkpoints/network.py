"""The segmentation network in a checkpoint."""

import logging
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from msl.checkpoints.checkpoint import Checkpoint, NetworkAbout
from msl.checkpoints.differences import refuse_differences
from msl.config import ModelConfig
from msl.errors import CheckpointError
from msl.labels import are_numbered
from msl.models import SegmentationNetwork, build_model
from msl.style.front import StyleFront, build_front, put_in_front
from msl.weights import check_fit

log = logging.getLogger("msl")


def about_network(checkpoint: Checkpoint, title: Path | str) -> NetworkAbout:
    """What the checkpoint says of its segmentation network; `title` is its file or reference, for messages.

    Raises:
        CheckpointError: it holds none.
    """
    if checkpoint.about.network is None:
        raise CheckpointError(
            f"{title} is of stage {checkpoint.about.stage} and holds no segmentation network. Pass a checkpoint of a "
            "stage that trains one, such as pretrain or adapt."
        )
    return checkpoint.about.network


def refuse_other_classes(about: NetworkAbout, title: Path | str, classes: Sequence[str]) -> None:
    """Refuse a network for other classes than those of the data; classes without names may be as many of the data.

    Raises:
        CheckpointError: names both.
    """
    if are_numbered(about.classes) and len(classes) == len(about.classes):
        _tell_names(str(title), tuple(classes))
    elif tuple(classes) != about.classes:
        raise CheckpointError(
            f"{title} predicts {len(about.classes)} classes ({', '.join(about.classes)}), the data has "
            f"{len(classes)} ({', '.join(classes)}). Pass head=new to keep its backbone and train a new head for the "
            f"data's classes, label_set={about.label_set} to train for its classes, or another checkpoint."
        )


@cache
def _tell_names(title: str, classes: tuple[str, ...]) -> None:
    """Warn once for each file."""
    log.warning("%s does not name its classes: they are taken to be %s, in this order", title, ", ".join(classes))


def load_network(
    checkpoint: Checkpoint, title: Path | str, expected: ModelConfig | None = None, classes: Sequence[str] | None = None
) -> SegmentationNetwork:
    """The segmentation network in a checkpoint, on the CPU.

    Args:
        checkpoint: what `read` gave.
        title: the file or reference that it comes from, for messages.
        expected: the network that the settings describe; None: any network fits.
        classes: the classes of the data; None: any classes fit.

    Raises:
        CheckpointError: it is another network, or for other classes; the message names each difference.
    """
    about = about_network(checkpoint, title)
    if classes is not None:
        refuse_other_classes(about, title, classes)
    if expected is not None:
        refuse_differences(title, about.model.architecture(), expected.architecture())
    model = build_model(about.model.model_copy(update={"weights": "none"}))
    if about.front is not None:
        put_in_front(model, _described_front(about.front, title))
    model.load_state_dict(check_fit(checkpoint.weights, model.state_dict(), str(title)))
    return model


def _described_front(about: Mapping[str, Any], title: Path | str) -> StyleFront:
    try:
        return build_front(about)
    except KeyError as error:
        raise CheckpointError(
            f"{title}: the description of its style network lacks {error.args[0]}, so it cannot be rebuilt. "
            "Pass another checkpoint of the run."
        ) from error
