"""One difference as a share of another one."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from analysis.seeds.statistics import LEVEL, Interval


@dataclass(frozen=True)
class Share:
    """How large the mean of some numbers is, measured by the mean of others."""

    value: float  # 0.5 = half of it; NaN if that is 0, or there are no numbers
    interval: Interval | None  # None for fewer than two pairs, and where the interval has no end

    @classmethod
    def of(cls, parts: Sequence[float], wholes: Sequence[float], level: float = LEVEL) -> "Share":
        """mean(parts) / mean(wholes), with Fieller's interval.

        The interval holds each ratio r for which a t test does not find mean(parts - r · wholes) different from 0
        (Fieller, *Some problems in interval estimation*, JRSS B 1954). It has ends only if the same test finds
        mean(wholes) different from 0.

        Args:
            parts, wholes: finite, pair by pair.
            level: coverage of the interval.
        """
        if not parts or math.fsum(wholes) == 0:
            return cls(math.nan, None)
        part, whole = float(np.mean(parts)), float(np.mean(wholes))
        interval = (
            _fieller(part, whole, np.cov(parts, wholes) / len(parts), len(parts), level) if len(parts) > 1 else None
        )
        return cls(part / whole, interval)


def _fieller(part: float, whole: float, errors: np.ndarray, n: int, level: float) -> Interval | None:
    """The roots r of (part - r · whole)² = t² · Var(part - r · whole).

    Args:
        part, whole: means.
        errors: covariances of the means, (2, 2).
        n: pairs.
        level: coverage.
    """
    t = float(stats.t.ppf((1 + level) / 2, n - 1))
    (part_error, shared), (_, whole_error) = (t * t * errors).tolist()
    square = whole * whole - whole_error
    if square <= 0:
        return None
    centre = (part * whole - shared) / square
    half = math.sqrt(max(centre * centre - (part * part - part_error) / square, 0.0))
    return Interval(centre - half, centre + half)
