"""The generations of a run's last checkpoint: the newest, and the one before it in case that the newest is damaged."""

import logging
from collections.abc import Iterable
from pathlib import Path

from msl.checkpoints.checkpoint import Checkpoint
from msl.checkpoints.files import read, save
from msl.errors import CheckpointError
from msl.files import whole_file
from msl.seals import is_sealed

log = logging.getLogger("msl")


def previous_generation(path: Path) -> Path:
    """The file of the generation before the one in `path`."""
    return path.with_name(f"{path.stem}.previous{path.suffix}")


def write_generation(path: Path, checkpoint: Checkpoint, is_trusted: bool = False) -> None:
    """Write a checkpoint; the one in `path` becomes the previous generation. At any moment one of both files is whole.

    Args:
        path: the file of the newest generation.
        checkpoint: the new one.
        is_trusted: this process wrote what is in `path`, so that it need not be verified.

    Raises:
        CheckpointError: the folder cannot be written or the disk is full.
    """
    with whole_file(path, CheckpointError) as temporary:
        save(checkpoint, temporary)
        # A damaged file does not replace the one that its run goes on from.
        if path.is_file() and (is_trusted or is_sealed(path)):
            path.replace(previous_generation(path))


def newest_whole(paths: Iterable[Path]) -> Checkpoint | None:
    """The newest of the checkpoints that are whole; None if there is no file. The log names those that are damaged.

    Raises:
        CheckpointError: there are files, but all of them are damaged.
    """
    newest: Checkpoint | None = None
    origin, damage = None, []
    for path in (path for path in paths if path.is_file()):
        try:
            checkpoint = read(path)
        except CheckpointError as error:
            damage.append(str(error))
            continue
        if newest is None or checkpoint.step > newest.step:
            newest, origin = checkpoint, path
    if newest is not None:
        for reason in damage:
            log.warning("%s The run continues from %s instead, at step %d.", reason, origin, newest.step)
    elif damage:
        raise CheckpointError(f"{' '.join(damage)} No other checkpoint of the run is whole: start a new run.")
    return newest
