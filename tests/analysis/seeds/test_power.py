"""Seeds by power: published numbers, and what a simulation finds."""

import numpy as np
import pytest
from scipy import stats

from analysis.seeds import paired_power, pairs_needed


@pytest.mark.parametrize(("effect", "pairs"), [(0.5, 34), (0.8, 15), (1.0, 10)])  # Cohen 1988, G*Power
def test_published_numbers(effect, pairs):
    assert pairs_needed(effect, 1.0) == pairs
    assert paired_power(pairs, effect) >= 0.8 > paired_power(pairs - 1, effect)


def test_two_pairs_and_a_large_effect():
    """T of one degree of freedom exceeds 12.7 if |Z'| < (Z + shift) / 12.7."""
    z, other = np.random.default_rng(0).normal(size=(2, 200_000))
    assert paired_power(2, 5.5) == pytest.approx((np.abs(z + 5.5 * 2**0.5) > 12.706 * np.abs(other)).mean(), abs=0.005)
    assert [pairs_needed(difference, 1.0) for difference in (5.5, 11, 22)] == [3, 3, 2]


@pytest.mark.parametrize(("pairs", "effect"), [(4, 0.5), (10, 1.0), (40, 0.3)])
def test_it_is_the_noncentral_t(pairs, effect):
    limit, shift = stats.t.ppf(0.975, pairs - 1), effect * pairs**0.5
    expected = stats.nct.sf(limit, pairs - 1, shift) + stats.nct.cdf(-limit, pairs - 1, shift)
    assert paired_power(pairs, effect) == pytest.approx(expected, abs=1e-4)


def test_without_a_spread_and_without_hope():
    assert pairs_needed(0.5, 0.0) == 2
    assert pairs_needed(0.0, 1.0) is None
    assert pairs_needed(-1.0, 1.0) == pairs_needed(1.0, 1.0)


def test_a_simulation_finds_as_many():
    differences = np.random.default_rng(0).normal(1.0, 1.0, (4000, 6))
    significant = stats.ttest_1samp(differences, 0, axis=1).pvalue < 0.05
    assert paired_power(6, 1.0) == pytest.approx(significant.mean(), abs=0.03)
