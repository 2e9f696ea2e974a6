"""Seeds by power: published numbers, and what a simulation finds."""

import numpy as np
import pytest
from scipy import stats

from analysis.seeds import paired_power, pairs_needed


@pytest.mark.parametrize(("effect", "pairs"), [(0.5, 34), (0.8, 15), (1.0, 10)])  # Cohen 1988, G*Power
def test_published_numbers(effect, pairs):
    assert pairs_needed(effect, 1.0) == pairs
    assert paired_power(pairs, effect) >= 0.8 > paired_power(pairs - 1, effect)


def test_without_a_spread_and_without_hope():
    assert pairs_needed(0.5, 0.0) == 2
    assert pairs_needed(0.0, 1.0) is None
    assert pairs_needed(-1.0, 1.0) == pairs_needed(1.0, 1.0)


def test_a_simulation_finds_as_many():
    differences = np.random.default_rng(0).normal(1.0, 1.0, (4000, 6))
    found = stats.ttest_1samp(differences, 0, axis=1).pvalue < 0.05
    assert paired_power(6, 1.0) == pytest.approx(found.mean(), abs=0.03)
