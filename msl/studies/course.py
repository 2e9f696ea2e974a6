"""What a driver needs beside its graph."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from msl.studies.executors import Executor
from msl.studies.folder import StudyFolder
from msl.studies.graph import Node
from msl.studies.identity import Identities
from msl.studies.states import Standing
from msl.tracking import Client
from msl.tracking.study_runs import SeenRun


class Guide(Protocol):
    """Adds nodes while a study runs, and ends some early: a sweep does."""

    def more(self, standings: Mapping[str, Standing]) -> Iterator[Node]:
        """Nodes that were added to the graph now."""

    def hopeless(self, running: Mapping[str, SeenRun]) -> list[str]:
        """Keys of the running nodes that are to be ended."""


@dataclass(frozen=True, kw_only=True)
class Course:
    """What a driver needs beside its graph."""

    client: Client
    identities: Identities
    executor: Executor
    folder: StudyFolder
    study_run: str  # ID of the parent run
    code: Path  # folder of the frozen copy
    needs: Mapping[str, Any]  # cores, memory and cards of every job, where a user says them; else as its row says
    retries: int  # how often a lost run is resumed
    say: Callable[[str], None]
    asks: bool  # a person who types Ctrl-C; `mlflow run` ends then, so that nobody could answer
    guide: Guide | None = None
