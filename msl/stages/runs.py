"""What the stages that train have in common: what they leave behind, and how one that ended early is taken up."""

import logging
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from msl import schema
from msl.checkpoints.checkpoint import Saved, read
from msl.config import StageConfig
from msl.errors import CheckpointError, ConfigError, TrackingError
from msl.recipes import Request
from msl.tracking import download

log = logging.getLogger("msl")


@dataclass(frozen=True)
class Outcome:
    """What a stage leaves behind."""

    run_id: str
    metrics: Mapping[str, float]  # of the last evaluation


def recorded(record: Mapping[str, Any], request: Request) -> StageConfig:
    """A run's own settings; of what is asked for now, only the machine and the budget may differ.

    Raises:
        ConfigError: other settings are asked for.
        TrackingError: the run is of another stage.
    """
    if record["stage"] != request.stage:
        raise TrackingError(f"run {request.resume} is of stage {record['stage']}: resume it with -e {record['stage']}")
    config = request.settings().edit(**record["settings"])
    changeable = {"max_iters"} | {name for group, name, _ in config.fields() if group == "runtime"}
    fixed = [name for name in request.overrides if name not in changeable]
    if fixed:
        raise ConfigError(
            f"resume goes on with the run's own settings: leave out {', '.join(fixed)}. "
            f"Only {', '.join(sorted(changeable))} may change."
        )
    return config.edit(**request.overrides)


def last_checkpoint(run_id: str, folder: Path) -> Saved | None:
    """The newer of the copies on this machine and on the server; None if the run never came to write one.

    Raises:
        CheckpointError: there are copies, but all of them are damaged.
    """
    paths = [folder / schema.LAST_CHECKPOINT]
    with suppress(CheckpointError):
        paths.append(download(run_id, f"{schema.CHECKPOINT_FOLDER}/{schema.LAST_CHECKPOINT}", folder / "resume"))
    copies = [path for path in paths if path.is_file()]
    found, damage = [], None
    for path in copies:
        try:
            found.append(read(path))
        except CheckpointError as error:  # a kill can tear an upload; the other copy is whole
            log.warning("%s", error)
            damage = error
    if damage is not None and not found:
        raise damage
    return max(found, key=lambda saved: int(saved["step"]), default=None)
