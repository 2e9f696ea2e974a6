"""Shared memory: loading processes hand their batches over in it, and containers often have only 64 MB of it."""

import logging
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

log = logging.getLogger("msl")

FOLDER = Path("/dev/shm")
_LOADERS = 5  # that share it at the same time: four streams of joint_adain, and an evaluation
_PLENTY_BYTES = 16 * 10**9  # with more free space, nothing is measured
_MB = 10**6


@dataclass(frozen=True)
class Crew:
    """The loading processes of one loader."""

    workers: int
    prefetch: int  # items that each of them prepares in advance

    def bytes_needed(self, item_bytes: int) -> int:
        """Shared memory for what is prepared, and for the item in use."""
        return item_bytes * (self.workers * self.prefetch + 1)

    def fitted(self, item_bytes: int, room_bytes: int) -> "Crew":
        """The largest crew whose items fit: first with fewer items in advance, then with fewer processes."""
        smaller = [Crew(self.workers, ahead) for ahead in range(self.prefetch, 0, -1)]
        smaller += [Crew(workers, 1) for workers in range(self.workers - 1, 0, -1)]
        return next((crew for crew in smaller if crew.bytes_needed(item_bytes) <= room_bytes), Crew(0, 0))

    def __str__(self) -> str:
        if not self.workers:
            return "no loading process"
        noun = "loading process" if self.workers == 1 else "loading processes"
        return f"{self.workers} {noun} with {self.prefetch} ahead"


def free_bytes() -> int | None:
    """Free shared memory; None where it is no folder that can be measured."""
    try:
        return shutil.disk_usage(FOLDER).free
    except OSError:
        return None


def fitted_crew(crew: Crew, item_bytes: Callable[[], int], title: str) -> Crew:
    """A crew for which shared memory is large enough; a smaller one than `crew` is told, with the numbers.

    Args:
        crew: as it is set.
        item_bytes: measures an item, in bytes; called only if shared memory may be short.
        title: of what is loaded.
    """
    free = free_bytes()
    if not crew.workers or free is None or free > _PLENTY_BYTES:
        return crew
    size = item_bytes()
    fitted = crew.fitted(size, free // _LOADERS)
    if fitted != crew:
        need = crew.bytes_needed(size)
        _tell(title, crew, fitted, f"{crew} {_needs(crew)} {need / _MB:.1f} MB of shared memory")
    return fitted


def free_space() -> str:
    """How much shared memory is free, in parentheses after a blank; nothing where it cannot be measured."""
    free = free_bytes()
    return "" if free is None else f" ({FOLDER} has {free / _MB:.0f} MB free)"


def shortage() -> str:
    """What to do if shared memory was too small."""
    return f"Shared memory is short{free_space()}: run a container with more (--shm-size=2g), or pass -P num_workers=0."


def _needs(crew: Crew) -> str:
    return "needs" if crew.workers == 1 else "need"


@cache
def _tell(title: str, crew: Crew, fitted: Crew, need: str) -> None:
    """Once for each loader, although it is opened again for each evaluation."""
    free = free_bytes() or 0
    log.warning(
        "%s: %s, and %s has %.0f MB free for %d loaders. %s will be used, which changes only the speed. "
        "For more of it: docker run --shm-size=2g.",
        *(title, need, FOLDER, free / _MB, _LOADERS, _capitalised(str(fitted))),
    )


def _capitalised(text: str) -> str:
    return text[0].upper() + text[1:]
