"""The work of a stage, after everything that it needs has been found or made."""

from collections.abc import Mapping
from typing import Any

from msl.checkpoints import Checkpoint
from msl.errors import ConfigError
from msl.runs.leading import together
from msl.runs.starts import last_checkpoint_of
from msl.stages.stage import Job, Outcome, Stage, Training, TrainingStage, WorkingStage
from msl.tracking import asking, journalled

AnyJob = Job[Any, Any]


def carry_out(stage: Stage[Any, Any], job: AnyJob) -> Outcome:
    """Train the stage's network, or do its work if it does not train."""
    if isinstance(stage, WorkingStage):
        return stage.carry_out(job)
    if isinstance(stage, TrainingStage):
        return conduct(stage, job, build_training(stage, job, None))
    raise ConfigError(f"stage {stage.name} is neither a TrainingStage nor a WorkingStage: it cannot be carried out")


def build_training(stage: TrainingStage[Any, Any, Any], job: AnyJob, checkpoint: Checkpoint | None) -> Training:
    """The training, from its beginning or from the run's own checkpoint."""
    network = stage.network(job, checkpoint)
    positions: Mapping[str, int] = {}
    if checkpoint is not None and checkpoint.progress is not None:
        positions = checkpoint.progress.positions
    return stage.build(job, network, positions)


def conduct(stage: TrainingStage[Any, Any, Any], job: AnyJob, training: Training, mark: str = "") -> Outcome:
    """Train to the end and report the final scores; `mark` is that of the checkpoint that a resumed run continues."""
    run_id = job.reporter.run_id
    with journalled(job.reporter, job.folder, mark, training.state.step), asking(training.state.stop.make):
        with together(stage, job, training):
            training.run()
        outcome = Outcome(run_id, stage.scores(job, training), last_checkpoint_of(run_id))
    training.state.stop.obey()  # the run is finished, but a script with several runs shall end
    return outcome
