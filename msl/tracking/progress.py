"""How far the sending of a journal is: a file beside the journal, and what the server has refused of it."""

import json
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from msl import schema
from msl.errors import TrackingError
from msl.files import whole_file
from msl.tracking.journal import Reader

_FILE = "sent.json"
REFUSED_FILE = "refused.jsonl"


@dataclass(frozen=True)
class Progress:
    """How far the sending of a journal is."""

    rows: int = 0  # number of the last record of metrics that is on the server
    rest: int = 0  # of the last other record
    trouble: str = ""  # why nothing can be sent at present

    @classmethod
    def of(cls, folder: Path) -> "Progress":
        """The content of the file; if it is missing or damaged, everything is sent again, which changes nothing."""
        try:
            return cls(**json.loads((folder / _FILE).read_text()))
        except (OSError, ValueError, TypeError):
            return cls()

    def write(self, folder: Path) -> None:
        """Write the file, if the disk takes it: without it, more is sent again."""
        with suppress(TrackingError), whole_file(folder / _FILE, TrackingError, durable=False) as file:
            file.write_text(json.dumps(asdict(self)))


def forget_progress(folder: Path) -> None:
    """From now on, everything counts as not sent."""
    (folder / _FILE).unlink(missing_ok=True)


def refuse(folder: Path, record: Mapping[str, Any], reason: str) -> Path:
    """Keep a record that the server refuses, so that those behind it can go on; gives the file."""
    with (folder / REFUSED_FILE).open("a") as file:
        file.write(json.dumps({"reason": reason, "record": record}) + "\n")
    return folder / REFUSED_FILE


def is_sent(folder: Path) -> bool:
    """Whether the run has ended and its whole journal is on the server, which has refused nothing of it."""
    return _sent_end(folder) is not None


def is_finished(folder: Path) -> bool:
    """Whether the run has ended as FINISHED, and its whole journal is on the server."""
    return _sent_end(folder) == schema.FINISHED


def _sent_end(folder: Path) -> str | None:
    """The status with which the run has ended; None if it has not, or not all of its journal is on the server."""
    if (folder / REFUSED_FILE).exists():
        return None
    last = next(iter(deque(Reader(folder).new(), maxlen=1)), None)
    if last is None or last.content["kind"] != "end" or last.number > Progress.of(folder).rest:
        return None
    return str(last.content["status"])
