"""Settings of studies: many runs, and where they are carried out."""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from msl.config.catalog import EXECUTORS, STAGES
from msl.config.group import Group
from msl.config.values import Cards

ExecutorName = Annotated[str, AfterValidator(EXECUTORS.check), EXECUTORS]


class ExecutorConfig(Group):
    """Where the runs of a study are carried out."""

    executor: ExecutorName = Field(
        "local", description="What carries the runs out: local = processes of this machine; slurm; ray."
    )
    slots: int | None = Field(
        None, ge=1, description="Jobs at a time; none = as many as fit into cores, memory and GPUs, or 200 in a queue."
    )
    cores: int | None = Field(None, ge=1, description="CPU cores of each job; none = as a study's row says, else 1.")
    memory_gb: float | None = Field(
        None, gt=0, description="Memory of each job, in GB; none = as a study's row says, else 2."
    )
    cards: Cards | None = Field(
        None,
        description="GPUs of each job: a whole number, or a share, such as 0.25, so that several jobs use one. none = "
        "as a study's row says, else one where this machine has any, and none with Slurm and Ray.",
    )
    retries: int = Field(
        2,
        ge=0,
        description="How often a run whose job was lost, or that failed, is tried again before it counts as failed. "
        "One whose loss diverged is not.",
    )
    partition: str | None = Field(None, description="Slurm's partition; none = its default.")
    time_limit: int | None = Field(None, ge=1, description="Minutes that Slurm gives a job; none = its default.")
    address: str | None = Field(
        None, description="Address of a Ray cluster's dashboard, http://HOST:8265; none = the one of RAY_ADDRESS."
    )
    study_folder: Path | None = Field(
        None,
        description="Folder for logs and frozen code, which all machines can read; none = .msl/studies in this folder.",
    )

    def needs(self) -> dict[str, Any]:
        """What is said of every job, whatever its row says: cores, memory_gb, cards."""
        said = {"cores": self.cores, "memory_gb": self.memory_gb, "cards": self.cards}
        return {name: value for name, value in said.items() if value is not None}


class StudyConfig(ExecutorConfig):
    """A study: a table of runs with what they share."""

    name: str = Field(description="Name of a study, a YAML file that describes one, or MODULE:FUNCTION of your own.")
    scale: Literal["full", "camvid_gpu", "camvid", "smoke"] = Field(
        "full",
        description="full; camvid_gpu = the same runs on CamVid's photographs at 480x360, for one GPU; camvid = at "
        "240x180, for a CPU; smoke = in miniature on generated streets, to try a study out.",
    )


class SweepConfig(ExecutorConfig):
    """A search over settings of a stage."""

    name: str = Field("sweep", description="Name of the sweep; the same name continues one that was interrupted.")
    stage: Annotated[str, AfterValidator(STAGES.check), STAGES] = Field("adapt", description="Stage to run.")
    recipe: str = Field("auto", description="Set of defaults to start from; auto: one that fits the data.")
    space: str = Field(
        description="Settings with blanks between: NAME=LOW:HIGH, NAME=LOW:HIGH:log, NAME=VALUE|VALUE, or NAME=VALUE "
        "for one that does not vary."
    )
    trials: int = Field(20, ge=1, description="Number of settings to try; a grid has at most as many as it has points.")
    sampler: Literal["tpe", "random", "grid"] = Field(
        "tpe", description="How settings are chosen: tpe = learns from the scores so far; random; grid = every point."
    )
    prune: bool = Field(
        True, description="End runs early whose scores at an evaluation are among the worse half (successive halving)."
    )
    metric: str = Field(
        "source/mIoU", description="Score to choose by, without the prefix last/: one that needs no target labels."
    )
    oracle: bool = Field(
        False, description="Allow a metric that needs target labels; the sweep records that it is an oracle's choice."
    )
    seed: int = Field(0, ge=0, lt=2**31, description="Seed of the choices, and of the runs.")
