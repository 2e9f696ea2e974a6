"""A figure of ours beside an alternative's, measured in one run."""

import time
from collections.abc import Callable
from dataclasses import dataclass

Pair = tuple[Callable[[], object], Callable[[], object]]  # ours and the alternative, on the same input


@dataclass(frozen=True)
class Ratio:
    """A row of the table: the figure of the alternative divided by ours."""

    what: str
    size: str
    alternative: str
    ours: float
    theirs: float
    unit: str
    bound: float | None  # the smallest allowed ratio

    @property
    def ratio(self) -> float:
        return self.theirs / self.ours


def timed(what: str, size: str, alternative: str, pair: Pair, bound: float | None, turns: int = 9) -> Ratio:
    fastest = [float("inf")] * 2
    for _ in range(turns):
        for side, call in enumerate(pair):
            fastest[side] = min(fastest[side], milliseconds(call))
    return Ratio(what, size, alternative, *fastest, "ms", bound)


def milliseconds(call: Callable[[], object]) -> float:
    """Duration of one call."""
    start = time.perf_counter()
    call()
    return 1000 * (time.perf_counter() - start)
