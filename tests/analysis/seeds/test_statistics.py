import math
from statistics import NormalDist

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from tolerances import DOUBLE

from analysis.seeds.statistics import Difference, Interval, Summary, cohen_d, hedges_g, smooth

GROUPS = [np.random.default_rng(seed).normal(40 + seed, 1 + seed, 2 + seed) for seed in range(6)]


def bounds(interval):
    return [interval.low, interval.high]


def by_seed(values, first=0):
    return {str(first + i): float(value) for i, value in enumerate(values)}


def test_summary():
    summary = Summary.of([30.0, 31.0, math.nan, 32.0, math.inf])
    assert (summary.n, summary.mean, summary.std) == (3, 31.0, 1.0)  # the sample's, with n - 1
    assert (Summary.of([]).n, math.isnan(Summary.of([]).mean)) == (0, True)


def test_one_seed_has_no_spread_and_no_interval():
    one = Summary.of([5.0])
    assert (one.mean, math.isnan(one.std)) == (5.0, True)
    assert one.interval() is one.interval("bootstrap") is one.std_interval() is None


@pytest.mark.parametrize("values", GROUPS, ids=len)
@pytest.mark.parametrize("level", [0.9, 0.95])
def test_t_interval_equals_scipys(values, level):
    expected = stats.t.interval(level, len(values) - 1, np.mean(values), stats.sem(values))
    np.testing.assert_allclose(bounds(Summary.of(values).interval(level=level)), expected, **DOUBLE)


def test_t_interval_in_closed_form():
    # With one degree of freedom t is Cauchy's: its 97.5 % quantile is tan(0.475 π).
    half = math.tan(0.475 * math.pi)
    np.testing.assert_allclose(bounds(Summary.of([-1, 1]).interval()), [-half, half], rtol=1e-9)


@pytest.mark.parametrize("values", GROUPS[1:], ids=len)
def test_bca_interval_by_its_own_formula(values):
    """Efron and Tibshirani (1993), eq. 14.9 and 14.10, on the resamples that the same generator draws."""
    n = len(values)
    drawn = np.random.default_rng(0).integers(0, n, (9999, n))
    means = values[drawn].mean(axis=1)
    mean, normal = values.mean(), NormalDist()
    bias = normal.inv_cdf(((means < mean).mean() + (means <= mean).mean()) / 2)
    without = (values.sum() - values) / (n - 1)
    spread = without.mean() - without
    acceleration = (spread**3).sum() / (6 * (spread**2).sum() ** 1.5)
    ends = [bias + normal.inv_cdf(p) for p in (0.025, 0.975)]
    shares = [100 * normal.cdf(bias + end / (1 - acceleration * end)) for end in ends]
    expected = np.percentile(means, shares)
    np.testing.assert_allclose(bounds(Summary.of(values).interval("bootstrap")), expected, rtol=1e-2)


def test_equal_values_have_an_interval_without_width():
    same = Summary.of([3.0, 3.0, 3.0])
    assert same.interval() == same.interval("bootstrap") == Interval(3.0, 3.0)
    assert same.std_interval() == Interval(0.0, 0.0)


def test_interval_of_the_standard_deviation():
    values = GROUPS[3]
    low, high = bounds(Summary.of(values).std_interval())
    squares = (len(values) - 1) * np.var(values, ddof=1)
    np.testing.assert_allclose(stats.chi2.cdf([squares / high**2, squares / low**2], len(values) - 1), [0.025, 0.975])


@pytest.mark.parametrize("n", [2, 3, 7])
def test_paired_difference_equals_scipys(n):
    rng = np.random.default_rng(n)
    group, other = rng.normal(45, 2, n), rng.normal(44, 2, n)
    difference = Difference.between(by_seed(group), by_seed(other))
    expected = stats.ttest_rel(group, other)
    assert difference.method == "paired"
    np.testing.assert_allclose(difference.mean, np.mean(group - other), **DOUBLE)
    np.testing.assert_allclose(difference.p_value, expected.pvalue, rtol=1e-10)
    np.testing.assert_allclose(bounds(difference.interval()), list(expected.confidence_interval()), rtol=1e-10)
    d_z = np.mean(group - other) / np.std(group - other, ddof=1)
    np.testing.assert_allclose(difference.effect, d_z, rtol=1e-10)
    assert bounds(difference.interval("bootstrap")) == bounds(Summary.of(group - other).interval("bootstrap"))


def test_pairs_are_by_seed_whatever_their_order():
    group, other = {"0": 10.0, "1": 20.0, "2": 30.0}, {"2": 29.0, "1": 19.0, "7": 99.0}
    difference = Difference.between(group, other)
    assert (difference.method, difference.mean, difference.pairs.values) == ("paired", 1.0, (1.0, 1.0))


@pytest.mark.parametrize(("n", "m"), [(2, 2), (3, 5), (6, 4)])
def test_without_common_seeds_it_is_welchs(n, m):
    rng = np.random.default_rng(n * m)
    group, other = rng.normal(45, 1, n), rng.normal(44, 3, m)
    difference = Difference.between(by_seed(group), by_seed(other, first=100))
    expected = stats.ttest_ind(group, other, equal_var=False)
    assert difference.method == "unpaired"
    np.testing.assert_allclose(difference.p_value, expected.pvalue, rtol=1e-10)
    np.testing.assert_allclose(bounds(difference.interval()), list(expected.confidence_interval()), rtol=1e-10)
    low, high = bounds(difference.interval("bootstrap"))
    assert low < difference.mean < high
    assert difference.effect == hedges_g(Summary.of(group), Summary.of(other))


@pytest.mark.parametrize(
    ("group", "other", "method", "mean"),
    [
        ({"0": 5.0}, {"0": 3.0, "1": 9.0}, "one pair", 2.0),
        ({"0": 5.0}, {"1": 3.0, "2": 5.0}, "means", 1.0),
        ({"0": 5.0, "1": math.nan}, {"0": 3.0, "1": 9.0}, "one pair", 2.0),
        ({"0": 1.0, "1": 3.0}, {"1": 1.0, "2": 2.0}, "unpaired", 0.5),
    ],
)
def test_what_the_seeds_allow(group, other, method, mean):
    difference = Difference.between(group, other)
    assert (difference.method, difference.mean) == (method, mean)
    if method != "unpaired":
        assert difference.interval() is difference.interval("bootstrap") is None
        assert math.isnan(difference.p_value)


def test_nothing_to_compare_with():
    assert math.isnan(Difference.between({}, {"0": 1.0}).mean)


def test_differences_without_spread():
    same = Difference.between({"0": 3.0, "1": 4.0}, {"0": 1.0, "1": 2.0})
    assert (same.interval(), same.p_value, same.effect) == (Interval(2.0, 2.0), 0.0, math.inf)
    none = Difference.between({"0": 3.0, "1": 4.0}, {"0": 3.0, "1": 4.0})
    assert (none.p_value, none.effect) == (1.0, 0.0)
    apart = Difference.between({"0": 3.0, "1": 3.0}, {"2": 1.0, "3": 1.0})
    assert (apart.interval(), apart.p_value) == (Interval(2.0, 2.0), 0.0)


def test_effect_sizes_in_closed_form():
    group, other = Summary.of([4, 6]), Summary.of([1, 3])
    assert cohen_d(group, other) == pytest.approx(3 / math.sqrt(2))
    # J(2) = Γ(1) / (√1 Γ(1/2)) = 1/√π
    assert hedges_g(group, other) == pytest.approx(3 / math.sqrt(2) / math.sqrt(math.pi))
    assert math.isnan(hedges_g(group, Summary.of([1])))


def test_smoothing_is_the_mean_of_what_came_before_without_bias():
    values = pd.Series([1.0, 3.0, math.nan, 5.0])
    weights = [[1], [0.5, 1], [], [0.25, 0.5, 1]]
    numbers = [[1.0], [1.0, 3.0], [], [1.0, 3.0, 5.0]]
    expected = [np.average(n, weights=w) if w else math.nan for n, w in zip(numbers, weights, strict=True)]
    np.testing.assert_allclose(smooth(values, 0.5), expected, **DOUBLE)
    np.testing.assert_array_equal(smooth(values, 0), values)


def test_the_largest_doubles_end_nothing():
    large, other = by_seed([1e308, 1.5e308, 1.7e308]), by_seed([-1.7e308, 1.0, 1e308])
    summary = Summary.of(large.values())
    assert summary.mean == pytest.approx(1.4e308, rel=1e-15)
    assert summary.std == pytest.approx(0.3605551275463989e308, rel=1e-14)
    difference = Difference.between(large, other)
    for method in ("t", "bootstrap"):
        assert summary.interval(method) is not None
        difference.interval(method)
    assert not math.isnan(difference.p_value + 0 * difference.group.mean)
    assert isinstance(difference.effect, float)
    assert Summary.of(other.values()).std_interval() is not None


def test_what_differs_by_rounding_only_has_no_spread_and_no_difference():
    third = 0.1 + 0.2  # 0.30000000000000004
    assert Summary.of([0.3, third, 0.3]).std == 0.0
    assert Summary.of([0.1, 0.1, 0.1]).mean == 0.1
    assert Difference.between({"0": third}, {"0": 0.3}).mean == 0.0
    pairs = Difference.between(by_seed([0.13, 0.14, 0.15]), by_seed([0.12, 0.13, 0.14])).pairs
    assert pairs.std == 0.0  # of differences that are 0.01 but for the rounding of 0.13 and 0.12
    assert Summary.of([0.3, 0.3 + 1e-14]).std > 0
