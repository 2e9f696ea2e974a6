"""The first process of a training: it finds, records and saves everything, and calls the others to train with it."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from msl.checkpoints import Checkpoint
from msl.config import StageConfig
from msl.errors import LostProcessError
from msl.stages.stage import Job, Start, Training, TrainingStage
from msl.tracking import end_hanging
from msl.training.callbacks import SaveCheckpoints
from msl.training.callbacks.checkpoints import capture
from msl.training.distributed.team import team
from msl.world import world


@dataclass(frozen=True, kw_only=True)
class Task:
    """A training as the other processes need it: a run that they resume from a checkpoint in memory."""

    stage: str
    group: str
    config: StageConfig
    digests: Mapping[str, str]  # of the data
    starts: Mapping[str, Start]  # without their files
    checkpoint: Checkpoint


@contextmanager
def leading() -> Iterator[None]:
    """Within this block, the other processes, if there are any, wait for trainings; with it, they end."""
    if not world().is_several:
        yield
        return
    crew, has_finished = team(), False
    try:
        yield
        has_finished = True
    finally:
        crew.dismiss(waits=has_finished)


@contextmanager
def together(stage: TrainingStage[Any, Any, Any], job: Job[Any, Any], training: Training) -> Iterator[None]:
    """Within this block, the other processes, if there are any, train with this one.

    Raises:
        LostProcessError: another process is lost; the run can be resumed.
    """
    if not world().is_several:
        yield
        return
    crew = team()
    with crew.training(training.device.type, _end), crew.watching(training.state.stop):
        crew.exchanged(_task(stage, job, training))
        yield


def _task(stage: TrainingStage[Any, Any, Any], job: Job[Any, Any], training: Training) -> Task:
    about = training.callback(SaveCheckpoints).about
    return Task(
        stage=stage.name,
        group=job.group,
        config=job.config,
        digests=job.data.digests(),
        starts={name: replace(start, _checkpoint=None) for name, start in job.starts.items()},
        checkpoint=capture(training.state, training.callbacks, about),
    )


def _end(reason: str) -> None:
    end_hanging(LostProcessError(reason))
