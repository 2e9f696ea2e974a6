"""Numbers of a seed group: runs of one experiment that differ by seed only."""

import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Summary:
    """Mean and sample standard deviation over seeds."""

    n: int
    mean: float
    std: float  # NaN for a single value

    @classmethod
    def of(cls, values: Sequence[float]) -> "Summary":
        """Summary of the values that are numbers."""
        finite = [value for value in values if math.isfinite(value)]
        n = len(finite)
        mean = math.fsum(finite) / n if n else math.nan
        spread = math.sqrt(math.fsum((v - mean) ** 2 for v in finite) / (n - 1)) if n > 1 else math.nan
        return cls(n, mean, spread)
