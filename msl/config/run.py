"""Settings of a run: what it starts from, how it is watched, on which machine."""

from typing import Literal

from pydantic import Field

from msl.config.domains import FilesConfig
from msl.config.group import Group


class RunConfig(Group):
    """What all stages of one experiment share."""

    seed: int = Field(0, ge=0, lt=2**31, description="Seed of initial weights, data order and augmentation.")
    precision: Literal["float32", "bfloat16"] = Field("float32", description="Arithmetic of the network's passes.")
    max_iters: int | None = Field(
        None, ge=1, description="Stop after so many iterations, in this stage and in a parent that it starts."
    )


class StartConfig(Group):
    """Where adaptation starts."""

    checkpoint: str | None = Field(
        None,
        description="Weights to start from: a file or runs:/ID/checkpoints/last.pt; none = those of the newest "
        "finished parent run with fitting settings, or of one that is run first.",
    )


class MonitorConfig(Group):
    """How often training is looked at, in iterations."""

    eval_every: int | None = Field(None, ge=1, description="Iterations between evaluations; none = an epoch.")
    checkpoint_every: int | None = Field(
        None, ge=1, description="Iterations between checkpoints, besides the one after every evaluation."
    )
    log_every: int = Field(20, ge=1, description="Iterations over which losses and speed are averaged and logged.")


class DeviceConfig(Group):
    """What the network runs on."""

    device: str = Field("auto", description="One of auto, cpu, cuda, cuda:1, ….")
    threads: int | None = Field(None, ge=1, description="CPU threads of the network; none = all cores.")


class RuntimeConfig(FilesConfig, DeviceConfig):
    """The machine, and its copies of the data. What training makes of those, it knows by their digests."""

    skip_bad: bool = Field(False, description="Go on without samples that cannot be used, instead of refusing them.")
    num_workers: int = Field(1, ge=0, description="Data loading processes a domain; changes no result.")
