"""What a checkpoint holds: a network, what it says of itself, and the state of its training."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from msl.config import ModelConfig
from msl.labels import Colour, LabelSet, restored_label_set


@dataclass(frozen=True, kw_only=True)
class NetworkAbout:
    """What a checkpoint says of the segmentation network in it."""

    model: ModelConfig
    label_set: str
    classes: tuple[str, ...]
    palette: tuple[Colour, ...] = ()  # empty: of an older file, which holds the label set's name only
    front: Mapping[str, Any] | None = None  # the style network in front of it: enough to rebuild it

    @property
    def labels(self) -> LabelSet:
        """The classes with their colours."""
        return restored_label_set(self.label_set, self.classes, self.palette)


@dataclass(frozen=True, kw_only=True)
class About:
    """What a checkpoint says of itself to those who start from it or score it."""

    group: str
    stage: str | None = None  # None: not trained by msl
    settings: Mapping[str, Any] = field(default_factory=dict)  # of that stage, flat; empty if they are not known
    network: NetworkAbout | None = None
    style: Mapping[str, Any] | None = None  # the shape of a style network: enough to rebuild it
    view: Mapping[str, Any] | None = None  # of a packaged network: how it sees images


@dataclass(frozen=True, kw_only=True)
class Progress:
    """What a resumed training needs beside the weights."""

    optimizer: dict[str, Any]
    positions: dict[str, int]  # of the streams of batches
    random: dict[str, Tensor]  # states of the random generators; see `msl.training.random_states`
    callbacks: dict[str, dict[str, Any]]
    mark: str = ""  # where the record of the run continues; empty in files of older versions
    scaling: dict[str, Any] = field(default_factory=dict)  # of losses in float16; empty for other precisions


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """A network after a step, and the state of its training if that can be resumed."""

    about: About
    step: int
    weights: dict[str, Tensor]
    progress: Progress | None = None
