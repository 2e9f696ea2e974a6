"""How many seeds a difference needs, by the t test's power."""

import math

import numpy as np
from scipy import stats

_MOST_SEEDS = 10_000
_LEVEL = 0.05  # of the two-sided test
_NODES, _NODE_WEIGHTS = np.polynomial.legendre.leggauss(200)
_QUANTILES, _WEIGHTS = (_NODES + 1) / 2, _NODE_WEIGHTS / 2  # of an integral from 0 to 1


def paired_power(pairs: int, effect: float, level: float = _LEVEL) -> float:
    """Probability that a paired t test of that many pairs finds a difference.

    Args:
        pairs: at least 2.
        effect: the difference, in standard deviations of the pairs' differences.
        level: of the two-sided test.
    """
    freedom = pairs - 1
    limit = float(stats.t.ppf(1 - level / 2, freedom))
    shift = effect * math.sqrt(pairs)
    # T is noncentral: (Z + shift) / s, s² = χ² / freedom. Given s it is normal, and the mean over s is taken over its
    # quantiles: SciPy's own noncentral t gives NaN for few pairs and a large shift.
    s = np.sqrt(stats.chi2.ppf(_QUANTILES, freedom) / freedom)
    return float(_WEIGHTS @ (stats.norm.sf(limit * s - shift) + stats.norm.cdf(-limit * s - shift)))


def pairs_needed(difference: float, deviation: float, power: float = 0.8, level: float = _LEVEL) -> int | None:
    """The smallest number of pairs with which a paired t test finds a difference; None if 10 000 do not suffice.

    Args:
        difference: to find.
        deviation: standard deviation of the differences of pairs.
        power: probability of finding it.
        level: of the two-sided test.
    """
    if deviation == 0:
        return 2
    effect = abs(difference) / deviation
    low, high = 1, 2  # the power grows with the pairs
    while paired_power(high, effect, level) < power:
        low, high = high, 2 * high
        if low > _MOST_SEEDS:
            return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if paired_power(middle, effect, level) >= power else (middle, high)
    return high
