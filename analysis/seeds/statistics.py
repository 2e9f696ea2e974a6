"""Numbers of seed groups: spread, intervals, differences and effect sizes over runs that differ by seed only.

Every interval is two-sided. A single seed has no spread and therefore no interval.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
import pandas as pd
from scipy import stats

Method = Literal["t", "bootstrap"]
LEVEL = 0.95  # coverage of an interval
_HUGE = 2.0**500  # above it, a square is an overflow
_ROUNDINGS = 4  # units in the last place by which equal means may differ
_RESAMPLES = 9999
_SEED = 0  # of the bootstrap: the same table twice is the same table


@dataclass(frozen=True)
class Interval:
    """Bounds between which a mean lies, as far as the seeds tell."""

    low: float
    high: float


@dataclass(frozen=True)
class Summary:
    """Mean and sample standard deviation over seeds."""

    values: tuple[float, ...]  # finite
    magnitude: float = 0.0  # of the numbers that the values are differences of, whose rounding the values have

    @classmethod
    def of(cls, values: Iterable[float]) -> "Summary":
        """Summary of the values that are numbers."""
        return cls(tuple(value for value in values if math.isfinite(value)))

    @property
    def n(self) -> int:
        """Number of values."""
        return len(self.values)

    @cached_property
    def mean(self) -> float:
        """Arithmetic mean; NaN of nothing."""
        return _mean_of(self.values) if self.n else math.nan

    @cached_property
    def std(self) -> float:
        """Sample standard deviation, with n - 1; NaN for fewer than two values, 0 if they differ by rounding only."""
        if self.n < 2:
            return math.nan
        if max(self.values) - min(self.values) <= _rounding(*self.values, self.magnitude):
            return 0.0
        scale = _scale(self.values)
        squares = [(value / scale - self.mean / scale) ** 2 for value in self.values]
        return math.sqrt(math.fsum(squares) / (self.n - 1)) * scale

    def interval(self, method: Method = "t", level: float = LEVEL) -> Interval | None:
        """Interval of the mean; None for fewer than two values."""
        if method == "bootstrap":
            return _bootstrap([self.values], level)
        return None if self.n < 2 else _around(self.mean, self.std / math.sqrt(self.n), self.n - 1, level)

    def std_interval(self, level: float = LEVEL) -> Interval | None:
        """Interval of the standard deviation, of normal values (chi-square); None for fewer than two."""
        if self.n < 2:
            return None
        squares, df = (self.n - 1) * self.std * self.std, self.n - 1  # infinite where ** would raise
        quantiles = [float(stats.chi2.ppf(p, df)) for p in ((1 + level) / 2, (1 - level) / 2)]
        return Interval(*(math.sqrt(squares / quantile) for quantile in quantiles))


@dataclass(frozen=True)
class Difference:
    """How far one seed group's mean lies above another's.

    `method` says how the two were compared, which the seeds decide:

    - ``paired``: over the seeds that both have, at least two; an effect of the seed on both groups cancels out.
    - ``unpaired``: fewer than two common seeds, but two runs in each; Welch's t, which allows unequal variances.
    - ``one pair``: one common seed, and a group with a single run.
    - ``means``: no common seed, and a group with a single run.
    """

    method: Literal["paired", "unpaired", "one pair", "means"]
    group: Summary  # the values that are compared; of pairs, those of the common seeds
    reference: Summary

    @classmethod
    def between(cls, group: Mapping[str, float], reference: Mapping[str, float]) -> "Difference":
        """Compare two groups, each as value by seed; values that are not finite do not count."""
        group, reference = _finite(group), _finite(reference)
        common = [seed for seed in group if seed in reference]
        if len(common) < 2 and min(len(group), len(reference)) >= 2:
            return cls("unpaired", Summary.of(group.values()), Summary.of(reference.values()))
        if not common:
            return cls("means", Summary.of(group.values()), Summary.of(reference.values()))
        pairs = (Summary.of(values[seed] for seed in common) for values in (group, reference))
        return cls("paired" if len(common) > 1 else "one pair", *pairs)

    @cached_property
    def pairs(self) -> Summary:
        """The differences seed by seed; empty unless `method` is ``paired``."""
        if self.method != "paired":
            return Summary(())
        numbers = (*self.group.values, *self.reference.values)
        differences = Summary.of(map(_minus, self.group.values, self.reference.values))
        return Summary(differences.values, max(map(abs, numbers), default=0.0))

    @property
    def as_summary(self) -> Summary:
        """The differences seed by seed, or the one difference where there is no second pair."""
        return self.pairs if self.method == "paired" else Summary.of([self.mean])

    @property
    def mean(self) -> float:
        """Difference of the means; NaN if a group has no value."""
        return _minus(self.group.mean, self.reference.mean)

    def interval(self, method: Method = "t", level: float = LEVEL) -> Interval | None:
        """Interval of the difference; None where there are too few seeds."""
        if self.method == "paired":
            return self.pairs.interval(method, level)
        if self.method != "unpaired":
            return None
        if method == "bootstrap":
            return _bootstrap([self.group.values, self.reference.values], level)
        return _around(self.mean, *self._welch(), level)

    @property
    def p_value(self) -> float:
        """Of the two-sided t test (paired, or Welch's); NaN where there are too few seeds."""
        if self.method == "paired":
            return _p_value(self.pairs.mean, self.pairs.std / math.sqrt(self.pairs.n), self.pairs.n - 1)
        return _p_value(self.mean, *self._welch()) if self.method == "unpaired" else math.nan

    @property
    def effect(self) -> float:
        """Effect size: d_z of pairs (mean over standard deviation of the differences), else Hedges' g."""
        if self.method == "paired":
            return _ratio(self.pairs.mean, self.pairs.std)
        return hedges_g(self.group, self.reference)

    def _welch(self) -> tuple[float, float]:
        """Standard error and degrees of freedom (Welch-Satterthwaite)."""
        parts = [side.std * side.std / side.n for side in (self.group, self.reference)]
        if not any(parts):
            return 0.0, float(self.group.n + self.reference.n - 2)
        weights = [part * part / (side.n - 1) for part, side in zip(parts, (self.group, self.reference), strict=True)]
        return math.sqrt(sum(parts)), _ratio(sum(parts) * sum(parts), sum(weights))


def cohen_d(group: Summary, reference: Summary) -> float:
    """Difference of the means in pooled standard deviations (Cohen 1988, eq. 2.5.1); NaN for single runs."""
    if min(group.n, reference.n) < 2:
        return math.nan
    squares = sum((side.n - 1) * side.std * side.std for side in (group, reference))
    return _ratio(group.mean - reference.mean, math.sqrt(squares / (group.n + reference.n - 2)))


def hedges_g(group: Summary, reference: Summary) -> float:
    """`cohen_d` without its bias in small samples: times J(m) = Γ(m/2) / (√(m/2) Γ((m-1)/2)), Hedges (1981)."""
    d = cohen_d(group, reference)
    if math.isnan(d):
        return d
    m = group.n + reference.n - 2
    return d * math.exp(math.lgamma(m / 2) - math.lgamma((m - 1) / 2)) / math.sqrt(m / 2)


def smooth(values: "pd.Series[float]", weight: float = 0.6) -> "pd.Series[float]":
    """Exponential moving average, without bias at its beginning; gaps stay gaps. For curves, never for tables.

    Args:
        values: along the steps.
        weight: of the earlier values, in [0, 1); 0 changes nothing.
    """
    return values.ewm(alpha=1 - weight, ignore_na=True).mean().where(values.notna())


def _finite(values: Mapping[str, float]) -> dict[str, float]:
    return {seed: value for seed, value in values.items() if math.isfinite(value)}


def _scale(values: Sequence[float]) -> float:
    """A power of two by which values are divided so that their sums and squares are no overflow; 1 for usual values."""
    largest = max(map(abs, values), default=0.0)
    return 1.0 if largest < _HUGE else 2.0 ** (math.frexp(largest)[1] - 1)


def _mean_of(values: Sequence[float]) -> float:
    if min(values) == max(values):
        return values[0]
    scale = _scale(values)
    return math.fsum(value / scale for value in values) / len(values) * scale


def _rounding(*numbers: float) -> float:
    """By how much numbers of this size differ if they are equal but for rounding."""
    return _ROUNDINGS * math.ulp(max(map(abs, numbers)))


def _minus(value: float, reference: float) -> float:
    """The difference of two numbers, 0 where they differ by rounding only."""
    difference = value - reference
    return 0.0 if abs(difference) <= _rounding(value, reference) else difference


def _around(mean: float, error: float, df: float, level: float) -> Interval:
    half = float(stats.t.ppf((1 + level) / 2, df)) * error
    return Interval(mean - half, mean + half)


def _p_value(mean: float, error: float, df: float) -> float:
    if error == 0:
        return 1.0 if mean == 0 else 0.0
    return 2 * float(stats.t.sf(abs(mean) / error, df))


def _ratio(mean: float, std: float) -> float:
    if std == 0:
        return 0.0 if mean == 0 else math.copysign(math.inf, mean)
    return mean / std


def _bootstrap(samples: Sequence[Sequence[float]], level: float) -> Interval | None:
    """BCa interval (Efron 1987) of the mean, or of the difference of two; too narrow with few seeds."""
    if min(map(len, samples)) < 2:
        return None
    means = [_mean_of(sample) for sample in samples]
    if all(max(sample) == min(sample) for sample in samples):
        return _around(means[0] - math.fsum(means[1:]), 0.0, 1, level)
    scale = _scale([value for sample in samples for value in sample])
    interval = stats.bootstrap(
        [np.asarray(sample) / scale for sample in samples],
        _mean if len(samples) == 1 else _mean_difference,
        n_resamples=_RESAMPLES,
        confidence_level=level,
        method="BCa",
        rng=np.random.default_rng(_SEED),
    ).confidence_interval
    return Interval(float(interval.low) * scale, float(interval.high) * scale)


def _mean(values: np.ndarray, axis: int = -1) -> np.ndarray:
    return np.asarray(values.mean(axis=axis))


def _mean_difference(group: np.ndarray, reference: np.ndarray, axis: int = -1) -> np.ndarray:
    return np.asarray(group.mean(axis=axis) - reference.mean(axis=axis))
