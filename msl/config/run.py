"""Settings of a run: its seed, its start, its logs, its machine."""

from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator

from msl.config.catalog import CriterionName
from msl.config.domains import FilesConfig
from msl.config.group import Group


class RunConfig(Group):
    """Settings that all stages of an experiment share."""

    seed: int = Field(0, ge=0, lt=2**31, description="Seed of initial weights, data order and augmentation.")
    precision: Literal["auto", "float32", "bfloat16", "float16"] = Field(
        "float32",
        description="Precision of the network's forward and backward passes. auto = bfloat16 where the machine has it "
        "and it gains, else float16 on a GPU, else float32; the run records the choice.",
    )
    max_iters: int | None = Field(
        None,
        ge=1,
        le=10**9,
        description="Stop after this many iterations, in this stage and in each stage that it runs first.",
    )


class StartConfig(Group):
    """Where adaptation starts."""

    checkpoint: str | None = Field(
        None,
        description="Weights to start from: a file, runs:/ID for the run's last checkpoint, "
        "runs:/ID/checkpoints/best.pt, models:/NAME@ALIAS or models:/NAME/VERSION; none = those of the newest "
        "finished parent run whose settings fit; if no run fits, the parent stage is run first.",
    )
    head: Literal["file", "new"] = Field(
        "file",
        description="Head of the network: file = that of the checkpoint; new = a new one for the classes of the data, "
        "on the backbone of the checkpoint.",
    )


class UploadConfig(Group):
    """How often the state of a training is uploaded."""

    checkpoint_minutes: float = Field(
        10,
        gt=0,
        description="Minutes between uploads of a checkpoint, in addition to those after every evaluation and at the "
        "end. On this machine one is saved every minute, less often where that would take over 3 % of the time.",
    )


class MonitorConfig(UploadConfig):
    """How often training is evaluated, saved and logged, in iterations."""

    eval_every: int | None = Field(None, ge=1, description="Iterations between evaluations; none = one epoch.")
    choose_by: CriterionName = Field(
        None,
        description="Criterion that needs no target labels. Of all evaluations it chooses the one that becomes "
        "chosen.pt and the scores chosen/…; none = none is chosen.",
    )
    checkpoint_every: int | None = Field(
        None,
        ge=1,
        description="Iterations between checkpoints, in addition to the one after every evaluation; none = no others.",
    )
    log_every: int = Field(20, ge=1, description="Iterations over which losses and speed are averaged and logged.")


class DeviceConfig(Group):
    """The device of the network."""

    device: str = Field("auto", description="Device of the network: auto, cpu, cuda, cuda:1, ….")
    threads: int | None = Field(
        None,
        ge=1,
        description="CPU threads of the network; none = all cores, or a share of them beside other runs of this user; "
        "the run records the number.",
    )


class StepConfig(Group):
    """How the machine computes a step of training."""

    deterministic: bool = Field(
        True,
        description="Two runs of one seed on one kind of machine have the same weights, to the last bit. false = on a "
        "GPU, sums may be added in any order.",
    )
    compile: Literal["auto", "graphs", "network", "off"] = Field(
        "auto",
        description="How the device gets its work. graphs = each term's passes are recorded once as a CUDA graph and "
        "replayed; network = torch.compile makes fewer, larger operations of the network; off = one operation after "
        "the other; auto = graphs on a CUDA GPU, else off.",
    )
    profile: int = Field(
        0,
        ge=0,
        le=1000,
        description="Steps to measure, from the eleventh on: the run gets a table of where their time and memory go "
        "(profile/phases.csv) and a trace of three more; 0 = none.",
    )


class ProcessesConfig(Group):
    """How many processes train one network together."""

    nproc: int = Field(
        1,
        ge=1,
        description="Processes that train one network together on this machine, each on its own GPU, or on its share "
        "of the cores. They divide each batch, so batch_size stays the number of images of a step. Under torchrun it "
        "is the number of all processes.",
    )


class SyncedBatchNormConfig(ProcessesConfig):
    """BatchNorm of several processes."""

    sync_bn: bool = Field(
        True,
        description="With several processes, BatchNorm normalises over the images of all of them, as one process "
        "would; false = each process over its own.",
    )


class RecomputeConfig(StepConfig):
    """What a training of a segmentation network keeps for its backward pass."""

    recompute: bool = Field(
        False,
        description="Activation checkpointing: true = blocks of the backbone keep their inputs only, and the backward "
        "pass computes them once more. About half the memory of a ResNet-101, a quarter more time, the same bits.",
    )

    @model_validator(mode="after")
    def _the_compiler_decides_itself(self) -> Self:
        if self.recompute and self.compile == "network":
            raise ValueError(
                "recompute = true does not go with compile = network, where the compiler decides what is computed "
                "again; pass compile=auto or recompute=false"
            )
        return self


class LoadingConfig(FilesConfig):
    """How data is read. These settings do not decide the weights: data counts by its digest."""

    skip_bad: bool = Field(False, description="Leave out samples that cannot be used, instead of stopping.")
    num_workers: int = Field(
        1, ge=0, le=512, description="Processes that load the data of each domain; their number changes no result."
    )


class CopiesConfig(LoadingConfig):
    """Copies of images and labels that are resized once. They change no result."""

    cache: Path | None = Field(
        None,
        description="Folder for prepared copies of images and labels: resized once, by the first run that needs them "
        "or by `msl prepare`, and shared by all runs; none = the files are read every time.",
    )


class RuntimeConfig(LoadingConfig, DeviceConfig):
    """The machine, and how it reads data. These settings do not decide the weights."""


class ScoreRuntimeConfig(CopiesConfig, RuntimeConfig):
    """The machine of a stage that scores a segmentation network, and how it reads data."""


class TrainRuntimeConfig(SyncedBatchNormConfig, RecomputeConfig, ScoreRuntimeConfig):
    """The machine of a stage that trains a segmentation network."""


class StyleRuntimeConfig(ProcessesConfig, StepConfig, RuntimeConfig):
    """The machine of a stage that trains a style decoder."""
