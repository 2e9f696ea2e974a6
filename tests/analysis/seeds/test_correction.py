"""Holm's correction: by hand, and on tables of groups that do not differ."""

import math

import numpy as np
import pytest

from analysis.seeds import Difference, holm


def test_by_hand():
    assert holm([0.01, 0.04, 0.03, 0.5]) == pytest.approx([0.04, 0.09, 0.09, 0.5])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert math.isnan(holm([math.nan, 0.03])[0])
    assert holm([math.nan, 0.03])[1] == 0.03  # NaN is no comparison
    assert holm([]) == []


def test_tables_of_twenty_equal_groups_seldom_have_a_small_p():
    """Three seeds each, one baseline for all: uncorrected, every second table has a p below 0.05."""
    rng, tables = np.random.default_rng(0), 150
    plain = corrected = 0
    for _ in range(tables):
        scores = [dict(zip("abc", row, strict=True)) for row in rng.normal(40, 0.5, (21, 3)).tolist()]
        p_values = [Difference.between(group, scores[0]).p_value for group in scores[1:]]
        plain += min(p_values) < 0.05
        corrected += min(holm(p_values)) < 0.05
    assert 0.45 < plain / tables < 0.7
    assert corrected / tables < 0.08
