"""How many seeds a difference needs, by the t test's power."""

import math

from scipy import stats

_MOST_SEEDS = 10_000
_LEVEL = 0.05  # of the two-sided test


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
    return float(stats.nct.sf(limit, freedom, shift) + stats.nct.cdf(-limit, freedom, shift))


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
    while paired_power(high, effect, level) < power:  # from below: SciPy's distribution is NaN for huge shifts
        low, high = high, 2 * high
        if low > _MOST_SEEDS:
            return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if paired_power(middle, effect, level) >= power else (middle, high)
    return high
