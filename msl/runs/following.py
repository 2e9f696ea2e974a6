"""The other processes of a training: they take its task from the first one, and record nothing."""

import logging
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from msl.console import explained
from msl.errors import DataError, DivergedError, LostProcessError
from msl.runs.leading import Task
from msl.runs.machine import on_this_machine
from msl.runs.supplies import find_stage
from msl.runs.work import build_training
from msl.stages.stage import Job, TrainingStage
from msl.tracking import asking, handling_signals
from msl.training.callbacks import restore
from msl.training.distributed.random_state import OwnRandomness
from msl.training.distributed.team import Team, exit_with, team

_LOST = 1  # exit code


class Silence:
    """A reporter that records nothing; it has the methods of `msl.training.Reporter`."""

    run_id = ""

    def metrics(self, values: Mapping[str, float], step: int) -> None:
        """The first process records them."""

    def file(self, path: Path, folder: str) -> None:
        """The first process records it."""

    def flush(self) -> None:
        """Nothing waits."""

    def mark(self) -> str:
        """There is no record."""
        return ""

    def secure(self, mark: str) -> None:
        """There is no record."""


def follow() -> None:
    """Train with the first process until it has ended its work; then end with it, or return.

    Raises:
        MslError: this process cannot train: its machine lacks the data or the device. The first process then ends.
    """
    os.environ["MSL_QUIET"] = "1"
    logging.getLogger("msl").setLevel(logging.ERROR)
    crew = team()
    with handling_signals(), _ended_together(crew):
        while (device := crew.called()) is not None:
            with crew.training(device, exit_with):
                _train(crew, crew.exchanged(None))


@contextmanager
def _ended_together(crew: Team) -> Iterator[None]:
    """The first process ends first: torchrun ends all processes when one has ended with an error."""
    try:
        yield
    except LostProcessError:
        sys.exit(_LOST)
    except (DivergedError, SystemExit, KeyboardInterrupt) as error:  # they came in all processes
        with suppress(LostProcessError):
            while crew.called() is not None:
                pass
        sys.exit(error.code if isinstance(error, SystemExit) else _LOST)
    except Exception as error:
        crew.tell_error(f"{type(error).__name__}: {explained(error) or error}")
        raise


def _train(crew: Team, task: Task) -> None:
    stage: Any = find_stage(task.stage)
    assert isinstance(stage, TrainingStage)
    config = on_this_machine(task.config)
    data = stage.open(config)
    _refuse_other_data(data.digests(), task.digests)
    with TemporaryDirectory() as folder:
        job = Job[Any, Any](
            group=task.group,
            config=config,
            data=data,
            starts=task.starts,
            reporter=Silence(),  # type: ignore[arg-type]  # a training needs no more of it
            folder=Path(folder),
        )
        training = build_training(stage, job, task.checkpoint)
        restore(task.checkpoint, training.state, training.callbacks)
        callbacks = {name: callback for name, callback in training.callbacks.items() if not callback.only_first}
        callbacks["randomness"] = OwnRandomness(config.flat()["seed"])
        with asking(training.state.stop.make), crew.watching(training.state.stop):
            replace(training, callbacks=callbacks).run()


def _refuse_other_data(digests: Mapping[str, str], first_digests: Mapping[str, str]) -> None:
    changed = [name for name, digest in first_digests.items() if digests.get(name) != digest]
    if changed:
        raise DataError(
            f"the data of this machine is not that of the first process: {', '.join(changed)} differ. Copy the data "
            "again, or set MSL_DATA to the folder of the same files."
        )
