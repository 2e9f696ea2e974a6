"""The concept of a stage: what it needs, what it reads, what it trains. `msl.runs` carries it out."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Generic, Protocol, TypeVar

import torch
from torch import nn

from msl import schema
from msl.checkpoints import Checkpoint, read
from msl.config import ModelConfig, StageConfig
from msl.inputs.checks import Checked
from msl.recipes import Request
from msl.tracking import DataInput, MlflowReporter
from msl.training import Callback, State, Term, fit

C = TypeVar("C", bound=StageConfig)  # settings
D = TypeVar("D", bound="StageData")  # what the stage reads
N = TypeVar("N", bound=nn.Module)  # the network that it trains
E = TypeVar("E", bound="TrainingData")
K = TypeVar("K", bound=Callback)


@dataclass(frozen=True, kw_only=True)
class Need:
    """A result of another stage that this one starts from, in place of a setting that may be left open."""

    setting: str  # checkpoint, decoder, or the name of a domain: source, target
    reference: str | None  # what the setting says; None leaves it open
    request: Request  # for the stage whose result serves then


@dataclass(kw_only=True)
class Start:
    """A result of another stage on this machine."""

    reference: str  # a path, or runs:/ID/checkpoints/last.pt
    path: Path
    run_id: str | None  # of the run that made it, if a run did
    digest: str  # by which a fingerprint knows it
    _checkpoint: Checkpoint | None = None

    @property
    def origin(self) -> str:
        """What the tag msl.parent says."""
        return self.run_id or self.reference

    def checkpoint(self, wanted: ModelConfig | None = None) -> Checkpoint:
        """The checkpoint in the file; arguments and errors as of `msl.checkpoints.read`."""
        if self._checkpoint is None:
            self._checkpoint = read(self.path, wanted)
        return self._checkpoint


class StageData(Protocol):
    """What a stage reads, opened and checked."""

    @property
    def inputs(self) -> Sequence[DataInput]:
        """What the run store is told of it."""

    @property
    def checks(self) -> Sequence[Checked]:
        """The domains that every sample of was looked at."""

    def digests(self) -> dict[str, str]:
        """Content digests of what decides the result; a run cannot go on with others."""

    def tags(self) -> dict[str, str]:
        """Tags that say which data a run saw."""


class TrainingData(StageData, Protocol):
    """What a training reads."""

    def modules(self) -> list[str]:
        """Modules whose code reads it."""


@dataclass(frozen=True, kw_only=True)
class Job(Generic[C, D]):
    """One carrying-out of a stage."""

    group: str
    config: C  # resolved
    data: D
    starts: Mapping[str, Start]  # by setting
    reporter: MlflowReporter
    folder: Path  # of the run, on this machine


@dataclass(frozen=True, kw_only=True)
class Training:
    """What `fit` takes."""

    state: State
    terms: Sequence[Term]
    callbacks: Mapping[str, Callback]
    freeze_bn: bool = False
    precision: torch.dtype = torch.float32
    clip_norm: float | None = None

    def callback(self, kind: type[K]) -> K:
        """The callback of that kind."""
        return next(callback for callback in self.callbacks.values() if isinstance(callback, kind))

    def run(self) -> None:
        """Train to the end, and end the loading processes however it ends."""
        callbacks = list(self.callbacks.values())
        try:
            fit(self.state, self.terms, callbacks, self.freeze_bn, self.precision, self.clip_norm)
        finally:
            for stream in self.state.streams.values():
                stream.close()


@dataclass(frozen=True)
class Outcome:
    """What a stage leaves behind."""

    run_id: str
    metrics: Mapping[str, float] = field(default_factory=dict)  # of the last evaluation
    result: str = ""  # reference of what other stages start from
    made: int | None = None  # images made, where that is what the stage does


class Stage(ABC, Generic[C, D]):
    """A stage: its settings, the results of others that it needs, and what it reads.

    The hooks are called in the order in which they stand here.
    """

    name: ClassVar[str]  # as it is typed

    def title(self, group: str, config: C) -> str:
        """Name of a run in MLflow's tables."""
        return group

    def needs(self, request: Request, config: C) -> list[Need]:
        """The results that it starts from; those that stand for a domain are made or found before data is opened."""
        return []

    @abstractmethod
    def open(self, config: C) -> D:
        """Open and check what it reads.

        Raises:
            ConfigError: a name is unknown.
            DataError: a folder, an image or a label is missing, unreadable or does not fit.
        """

    def resolved(self, config: C, data: D) -> C:
        """The settings with what the data decides filled in."""
        return config

    def following(self, config: C, starts: Mapping[str, Start]) -> C:
        """The settings with what is left open taken from what it starts from."""
        return config

    def tags(self, starts: Mapping[str, Start]) -> dict[str, str]:
        """Tags that say where the run comes from."""
        return {schema.PARENT: starts["checkpoint"].origin} if "checkpoint" in starts else {}

    def record(self, job: Job[C, D]) -> dict[str, Any]:
        """What ``config.json`` holds beside what it holds of every stage."""
        return {}

    def existing(self, config: C, data: D, starts: Mapping[str, Start]) -> str | None:
        """Reference of a result on this machine that was made with these settings; None if there is none."""
        return None


class TrainingStage(Stage[C, E], Generic[C, E, N]):
    """A stage that trains a network: a list of terms, which the one loop walks."""

    def title(self, group: str, config: C) -> str:
        """The group and the seed."""
        return f"{group} seed={config.flat()[schema.SEED]}"

    @abstractmethod
    def modules(self, config: C) -> list[str]:
        """The modules whose code decides what it trains: terms, network, optimizer, schedule, transforms."""

    def decisive(self, config: C, data: E) -> dict[str, Any]:
        """The settings that decide its result."""
        return config.decisive()

    @abstractmethod
    def network(self, job: Job[C, E], checkpoint: Checkpoint | None) -> N:
        """The network on its device: that of the run's own checkpoint when it is resumed, or one to begin with."""

    @abstractmethod
    def build(self, job: Job[C, E], network: N, positions: Mapping[str, int]) -> Training:
        """Terms, streams, callbacks and optimizer.

        Args:
            job: what is to be done.
            network: on its device.
            positions: where the streams begin, by name; from the start if left out.
        """

    def scores(self, job: Job[C, E], training: Training) -> Mapping[str, float]:
        """What is reported after the last step."""
        return {}


class WorkingStage(Stage[C, D]):
    """A stage that makes something without a training."""

    @abstractmethod
    def carry_out(self, job: Job[C, D]) -> Outcome:
        """Do it. What exists already is kept, so that the same command goes on where it was interrupted."""
