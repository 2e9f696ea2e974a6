"""The folder of a study, which every machine can read: what is submitted, logs, and the frozen code."""

import json
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from msl.errors import TrackingError
from msl.files import make_folder, whole_file
from msl.tracking import lock, this_process, work_folder

_TAIL_LINES = 15
_LOOK_S, _LOOKS = 2.0, 20


@dataclass(frozen=True, kw_only=True)
class Submission:
    """A job of a node, as the driver remembers it."""

    handle: str  # of the executor
    attempts: int  # so far, this one included


@dataclass(frozen=True, kw_only=True)
class Failure:
    """The error with which a node's job has ended."""

    text: str
    is_lasting: bool  # another attempt would end with it too

    @property
    def first_line(self) -> str:
        """What has happened; further lines list places and ways out."""
        return self.text.partition("\n")[0].rstrip(".")


class StudyFolder:
    """Its files."""

    def __init__(self, path: Path) -> None:
        """`path`: the folder; it is made when something is written."""
        self.path = path

    @classmethod
    def of(cls, name: str, parent: Path | None) -> "StudyFolder":
        """The folder of a study below `parent`; None = below the work folder of this machine."""
        safe_name = re.sub(r"[^\w.-]", "_", name)
        return cls((parent or work_folder() / "studies").absolute() / safe_name)

    @property
    def code(self) -> Path:
        """The folder of frozen copies of the code."""
        return self.path / "code"

    @contextmanager
    def driving(self) -> Iterator[None]:
        """Within this block, no other process on this machine drives the study.

        Raises:
            TrackingError: another one does; the message names it.
        """
        make_folder(self.path, TrackingError)
        with (self.path / "driver.lock").open("a+") as file:
            if not lock(file):
                file.seek(0)
                raise TrackingError(
                    f"the study in {self.path} is driven by {file.read() or 'another process'}. Wait until it has "
                    "ended, or stop it: its jobs go on, and this command takes them over"
                )
            file.truncate(0)
            file.write(str(this_process()))
            file.flush()
            yield

    def write_job(self, key: str, content: Mapping[str, Any]) -> None:
        """Write what a node's next job needs to know; how the one before it failed is forgotten."""
        self.forget_failure(key)
        with whole_file(self._file(key, "json"), TrackingError) as file:
            file.write_text(json.dumps(content))

    def read_job(self, key: str) -> dict[str, Any]:
        """What a job needs to know."""
        content: dict[str, Any] = json.loads(self._file(key, "json").read_text())
        return content

    def log(self, key: str) -> Path:
        """The output of a node's jobs."""
        return self._file(key, "log")

    def log_tail(self, key: str) -> str:
        """The last lines of that output."""
        try:
            lines = self.log(key).read_text(errors="replace").splitlines()
        except OSError:
            return "it has written nothing"
        return "\n".join(lines[-_TAIL_LINES:])

    def write_failure(self, key: str, failure: Failure) -> None:
        """Write with which error a node's job ends."""
        with whole_file(self._failure(key), TrackingError) as file:
            file.write_text(json.dumps(asdict(failure)))

    def failure(self, key: str) -> Failure | None:
        """The error with which a node's last job has ended; None if something else has ended it, or nobody knows."""
        try:
            return Failure(**json.loads(self._failure(key).read_text()))
        except (OSError, ValueError, TypeError):
            return None

    def forget_failure(self, key: str) -> None:
        """Another job of the node begins."""
        self._failure(key).unlink(missing_ok=True)

    @contextmanager
    def job(self, key: str) -> Iterator[bool]:
        """Within this block, no other job of the node begins; False if one is at work."""
        with self._file(key, "lock").open("a") as file:
            tries = 1  # whoever only looks has the lock for a moment
            while not (is_ours := lock(file)) and tries < _LOOKS:
                time.sleep(_LOOK_S / _LOOKS)
                tries += 1
            yield is_ours

    def has_job(self, key: str) -> bool:
        """Whether a job of the node is at work."""
        try:
            with self._file(key, "lock").open() as file:
                return not lock(file, is_shared=True)
        except FileNotFoundError:
            return False

    def save_submissions(self, submissions: Mapping[str, Submission]) -> None:
        """Write what was submitted, by key of the node."""
        with whole_file(self.path / "submissions.json", TrackingError) as file:
            file.write_text(json.dumps({key: asdict(submission) for key, submission in submissions.items()}))

    def submissions(self) -> dict[str, Submission]:
        """What was submitted, by key of the node."""
        try:
            content = json.loads((self.path / "submissions.json").read_text())
        except FileNotFoundError:
            return {}
        return {key: Submission(**values) for key, values in content.items()}

    def forget_submissions(self) -> None:
        """A new study begins: the jobs of an earlier one are none of its own."""
        (self.path / "submissions.json").unlink(missing_ok=True)

    def _failure(self, key: str) -> Path:
        return self._file(key, "failure.json")

    def _file(self, key: str, suffix: str) -> Path:
        folder = self.path / "jobs"
        folder.mkdir(parents=True, exist_ok=True)
        return folder / f"{key}.{suffix}"
