"""The word of a sender to its training that another process has taken over the run: a file beside the journal."""

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from msl.errors import TrackingError
from msl.files import whole_file
from msl.tracking.holder import Holder
from msl.tracking.lease import LeaseLostError

_FILE = "lost.json"


def write_loss(folder: Path, holder: Holder, error: LeaseLostError) -> None:
    """Say which process has lost the run's lease, and to whom; on a full disk it is said at the next attempt."""
    with suppress(TrackingError), whole_file(folder / _FILE, TrackingError, durable=False) as file:
        file.write_text(json.dumps({"holder": asdict(holder), "reason": str(error)}))


def stop_if_lost(folder: Path, holder: Holder) -> None:
    """Do nothing, unless the file says that this process has lost the lease.

    Raises:
        LeaseLostError: another process continues the run.
    """
    if (folder / _FILE).exists():
        content = _content(folder)
        if Holder.read(content.get("holder")) == holder:
            raise LeaseLostError(content["reason"])


def _content(folder: Path) -> Mapping[str, Any]:
    try:
        content: Mapping[str, Any] = json.loads((folder / _FILE).read_text())
    except (OSError, ValueError):
        content = {}
    return content
