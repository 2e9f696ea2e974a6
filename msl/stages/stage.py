"""The concept of a stage: what it needs, what it reads, what it trains. `msl.runs` runs it."""

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Generic, Protocol, TypeVar

import torch
from torch import nn

from msl import schema
from msl.checkpoints import Checkpoint, read, reading_for
from msl.config import ModelConfig, StageConfig
from msl.data import loading_explained
from msl.errors import TrainingError
from msl.inputs.checks import Checked
from msl.models.devices import check_device
from msl.numerics.determinism import deterministic, varying_operation
from msl.recipes import Request
from msl.tracking import DataInput, MlflowReporter
from msl.training import Callback, State, Term, fit
from msl.training.acceleration import accelerated
from msl.training.loop import eager_passes
from msl.training.memory import what_fits

C = TypeVar("C", bound=StageConfig)  # settings
D = TypeVar("D", bound="StageData")  # what the stage reads
N = TypeVar("N", bound=nn.Module)  # the network that it trains
E = TypeVar("E", bound="TrainingData")  # what a stage that trains reads
K = TypeVar("K", bound=Callback)


@dataclass(frozen=True, kw_only=True)
class Need:
    """A result of another stage that this stage starts from. A setting may name it."""

    setting: str  # checkpoint, decoder, or the name of a domain: source, target
    reference: str | None  # the setting's value; None = find or make a result
    request: Request  # for the stage that makes it


@dataclass(kw_only=True)
class Start:
    """A result of another stage on this machine."""

    reference: str  # a path, or runs:/ID/checkpoints/last.pt
    path: Path
    run_id: str | None  # of the run that made it, if a run did
    digest: str  # of the result, in the fingerprint of what starts from it
    _checkpoint: Checkpoint | None = None

    @property
    def origin(self) -> str:
        """Value of the tag msl.parent."""
        return self.run_id or self.reference

    def checkpoint(self, model: ModelConfig | None = None) -> Checkpoint:
        """The checkpoint in the file; arguments and errors are those of `msl.checkpoints.read`."""
        if self._checkpoint is None:
            with reading_for(self.reference, self.path):
                self._checkpoint = read(self.path, model)
        return self._checkpoint


class StageData(Protocol):
    """What a stage reads, opened and checked."""

    @property
    def inputs(self) -> Sequence[DataInput]:
        """The data as the run store records it."""

    @property
    def checks(self) -> Sequence[Checked]:
        """The domains, after a check of every sample."""

    def digests(self) -> dict[str, str]:
        """Content digests of the data that decides the result; a run cannot continue if they change."""

    def tags(self) -> dict[str, str]:
        """Tags that name the data of a run."""


class TrainingData(StageData, Protocol):
    """What a stage that trains reads."""

    def modules(self) -> list[str]:
        """Modules whose code reads the data."""


@dataclass(frozen=True, kw_only=True)
class Job(Generic[C, D]):
    """One run of a stage."""

    group: str
    config: C  # resolved
    data: D
    starts: Mapping[str, Start]  # by setting
    reporter: MlflowReporter
    folder: Path  # of the run, on this machine


@dataclass(frozen=True, kw_only=True)
class Training:
    """The arguments of `fit`."""

    state: State
    terms: Sequence[Term]
    callbacks: Mapping[str, Callback]
    freeze_bn: bool = False
    precision: torch.dtype = torch.float32
    clip_norm: float | None = None
    deterministic: bool = True  # an operation whose bits may vary is refused
    compile: str = "auto"  # see `accelerated`
    recompute: bool = False  # see `Recompute`

    @property
    def device(self) -> torch.device:
        """Where the network is."""
        return next(self.state.model.parameters()).device

    def callback(self, kind: type[K]) -> K:
        """The callback of that kind."""
        return next(callback for callback in self.callbacks.values() if isinstance(callback, kind))

    def run(self) -> None:
        """Train to the end; the loading processes end, and what the callbacks began is finished, in every case.

        Raises:
            LoadingError: a loading process has ended or does not go on.
            TrainingError: the GPU's memory is too small, or an operation cannot give the same bits every time.
        """
        callbacks = list(self.callbacks.values())
        try:
            with loading_explained(), deterministic(self.deterministic):
                passes = accelerated(eager_passes(self.state, self.precision, self.recompute), self.compile)
                fit(self.state, self.terms, callbacks, self.freeze_bn, passes, self.clip_norm)
        except torch.OutOfMemoryError as error:
            told = ". ".join(str(error).split(". ")[:2])  # the rest is about torch's own memory
            fits = what_fits(self.state, self.precision, None if self.compile == "network" else self.recompute)
            raise TrainingError(
                f"the GPU's memory is too small: {told}. {fits}Pass a smaller batch_size or crop_size, or "
                "precision=bfloat16, and end other programs on it (nvidia-smi)."
            ) from error
        except RuntimeError as error:
            operation = varying_operation(error)
            if operation is None:
                raise
            raise TrainingError(
                f"deterministic = True: {operation} gives other bits every time on this device, and has no form that "
                "does not. Pass deterministic=false: then two runs of one seed differ, and the run records it."
            ) from error
        finally:
            for stream in self.state.streams.values():
                stream.close()
            for callback in callbacks:
                callback.close()


@dataclass(frozen=True)
class Outcome:
    """The result of a stage."""

    run_id: str
    metrics: Mapping[str, float] = field(default_factory=dict)  # of the last evaluation
    result: str = ""  # reference of the result that other stages start from
    fingerprint: str = ""  # of the settings, the data and the code that decide the result; empty if none is true of it
    images_made: int | None = None  # only of a stage that makes images


class Stage(ABC, Generic[C, D]):
    """A stage: its settings, the results of other stages that it needs, and what it reads.

    The methods are called in the order in which they are defined here.
    """

    name: ClassVar[str]  # as it is typed

    def title(self, group: str, config: C) -> str:
        """Name of a run in MLflow's tables."""
        return group

    def needs(self, request: Request, config: C) -> list[Need]:
        """The results that it starts from. Those that are domains are found or made before data is opened."""
        return []

    def check(self, request: Request, starts: Mapping[str, Start]) -> None:
        """Check what costs little, before a run is opened and before the samples are checked.

        Args:
            request: the stage, its recipe and its settings, without those that the data decides.
            starts: the results that the settings name, by setting.

        Raises:
            MslError: this machine lacks the device, or a start does not fit.
        """
        check_device(request.settings)

    @abstractmethod
    def open(self, config: C) -> D:
        """Open and check what it reads.

        Raises:
            ConfigError: a name is unknown.
            DataError: a folder, an image or a label is missing, unreadable or does not fit.
        """

    def values_from_data(self, config: C, data: D) -> dict[str, Any]:
        """The settings that the data decides, by name."""
        return {}

    def values_from_starts(self, config: C, starts: Mapping[str, Start], typed: Collection[str]) -> dict[str, Any]:
        """The settings that nobody typed and that the results decide from which the stage starts, by name.

        Args:
            config: the settings.
            starts: the results, by setting.
            typed: names of the settings that somebody typed.

        Raises:
            CheckpointError: a setting that was typed does not fit a result.
        """
        return {}

    def tags(self, starts: Mapping[str, Start]) -> dict[str, str]:
        """Tags that say where the run comes from."""
        return {schema.PARENT: starts["checkpoint"].origin} if "checkpoint" in starts else {}

    def record(self, job: Job[C, D]) -> dict[str, Any]:
        """Fields of the run's record that only this stage fills: arguments of `RunRecord`."""
        return {}

    def find_existing(self, config: C, data: D, starts: Mapping[str, Start]) -> str | None:
        """Reference of a result on this machine that was made with these settings; None if there is none."""
        return None


class TrainingStage(Stage[C, E], Generic[C, E, N]):
    """A stage that trains a network: a list of terms for the one training loop."""

    def title(self, group: str, config: C) -> str:
        """The group and the seed."""
        return f"{group} seed={config.flat()[schema.SEED]}"

    @abstractmethod
    def modules(self, config: C) -> list[str]:
        """The modules whose code decides the weights: terms, network, optimizer, schedule, transforms."""

    def decisive(self, config: C, data: E) -> dict[str, Any]:
        """The settings that decide its result."""
        return config.decisive()

    @abstractmethod
    def network(self, job: Job[C, E], checkpoint: Checkpoint | None) -> N:
        """The network on its device: from the run's own checkpoint if it is resumed, else the network of step 0."""

    @abstractmethod
    def build(self, job: Job[C, E], network: N, positions: Mapping[str, int]) -> Training:
        """Terms, streams, callbacks and optimizer.

        Args:
            job: the run.
            network: on its device.
            positions: where the streams begin, by name; a stream without a position begins at its start.
        """

    def scores(self, job: Job[C, E], training: Training) -> Mapping[str, float]:
        """The scores after the last step."""
        return {}


class WorkingStage(Stage[C, D]):
    """A stage that makes something and trains nothing."""

    @abstractmethod
    def carry_out(self, job: Job[C, D]) -> Outcome:
        """Do the work. Existing results stay, so that the same command continues after an interruption."""
