"""Shares: by hand, and by the test that defines their interval."""

import math

import numpy as np
import pytest
from scipy import stats

from analysis.seeds import Share

GAINS, GAPS = [2.4, 1.1, 5.4, 3.1], [5.3, 6.2, 6.5, 4.9]


def test_it_is_the_ratio_of_the_means():
    assert Share.of(GAINS, GAPS).value == pytest.approx(12.0 / 22.9)
    assert Share.of([1.0], [4.0]) == Share(0.25, None)


def test_at_the_ends_of_its_interval_a_t_test_is_just_significant():
    share = Share.of(GAINS, GAPS)
    for ratio in (share.interval.low, share.interval.high):
        rest = [gain - ratio * gap for gain, gap in zip(GAINS, GAPS, strict=True)]
        assert stats.ttest_1samp(rest, 0).pvalue == pytest.approx(0.05)
    assert share.interval.low < share.value < share.interval.high


def test_of_a_constant_gap_it_is_the_interval_of_the_mean():
    interval = stats.t.interval(0.95, 3, loc=3.0, scale=stats.sem(GAINS))
    share = Share.of(GAINS, [10.0] * 4)
    assert (share.interval.low, share.interval.high) == pytest.approx([end / 10 for end in interval])


def test_its_interval_covers_the_truth_as_often_as_it_says():
    random = np.random.default_rng(0)
    gaps = 5.0 + random.standard_normal((2000, 3)) * 0.7
    gains = 0.4 * gaps + random.standard_normal((2000, 3))
    intervals = [Share.of(list(gain), list(gap)).interval for gain, gap in zip(gains, gaps, strict=True)]
    covered = sum(interval.low <= 0.4 <= interval.high for interval in intervals if interval is not None)
    assert covered / sum(interval is not None for interval in intervals) == pytest.approx(0.95, abs=0.02)


@pytest.mark.parametrize("gaps", [[5.0, -4.0, 3.0, 1.0], [0.1, 9.0, -8.0, 0.2]])
def test_of_a_gap_that_may_be_nothing_there_is_no_interval(gaps):
    assert stats.ttest_1samp(gaps, 0).pvalue > 0.05
    assert Share.of(GAINS, gaps).interval is None


def test_of_nothing_it_is_no_number():
    for share in (Share.of([], []), Share.of([1.0, 2.0], [3.0, -3.0])):
        assert math.isnan(share.value)
        assert share.interval is None


def test_equal_numbers_are_a_share_without_width():
    share = Share.of([2.0, 2.0, 2.0], [4.0, 4.0, 4.0])
    assert (share.value, share.interval.low, share.interval.high) == (0.5, 0.5, 0.5)
