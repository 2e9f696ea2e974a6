"""Criteria without labels: closed forms, and what they prefer."""

import math

import pytest
import torch

from msl import schema
from msl.metrics.criteria import (
    Entropy,
    Information,
    MixedConsistency,
    NeighbourhoodDensity,
    statistics_drift,
)


def image(*pixels):
    """Probabilities (1, C, 1, W) of these pixels."""
    return torch.tensor(pixels).T[None, :, None]


def value(criterion, *images):
    for prob in images:
        criterion.add(prob)
    return criterion.value()


UNIFORM, SURE, OTHER = (0.5, 0.5), (1.0, 0.0), (0.0, 1.0)


def test_entropy_of_sure_and_of_uniform_pixels():
    assert value(Entropy(), image(SURE, UNIFORM)) == pytest.approx(math.log(2) / 2)
    assert value(Entropy(), image(SURE), image(UNIFORM, UNIFORM)) == pytest.approx(math.log(2) / 2)  # mean over images
    assert math.isnan(Entropy().value())


def test_information_wants_sure_pixels_of_all_classes():
    assert value(Information(), image(SURE, OTHER)) == pytest.approx(math.log(2))
    assert value(Information(), image(SURE), image(OTHER)) == pytest.approx(math.log(2))  # over the whole data set
    assert value(Information(), image(SURE, SURE)) == 0
    assert value(Information(), image(UNIFORM, UNIFORM)) == pytest.approx(0)


def test_density_of_three_pixels_without_the_similarity_with_themselves():
    """Two equal pixels have one near and one far neighbour, the third has two that are as far."""
    near, far = math.exp(1 / 0.05), 1.0
    shares = near / (near + far), far / (near + far)
    of_pair = -sum(share * math.log(share) for share in shares)
    assert value(NeighbourhoodDensity(), image(SURE, SURE, OTHER)) == pytest.approx((2 * of_pair + math.log(2)) / 3)
    assert value(NeighbourhoodDensity(), image(SURE, SURE, SURE)) == pytest.approx(math.log(2))


def test_density_compares_a_hundred_pixels_and_repeats_itself(rng):
    prob = torch.randn(1, 5, 20, 30, generator=rng).softmax(1)
    state = torch.get_rng_state()
    first, second = (value(NeighbourhoodDensity(), prob, prob) for _ in range(2))
    assert first == second <= math.log(99)
    assert torch.equal(torch.get_rng_state(), state)


def test_mixed_consistency_is_the_share_of_equal_pixels():
    mixed = MixedConsistency()
    mixed.add(torch.tensor([[[0, 1]]]), torch.tensor([[[0, 0]]]))
    mixed.add(torch.tensor([[[1, 1]]]), torch.tensor([[[1, 1]]]))
    assert mixed.value() == 75


def test_drift_is_the_symmetric_divergence_of_two_normal_distributions():
    seen = (torch.tensor([1.0]), torch.tensor([1.0]))
    stored = (torch.tensor([0.0]), torch.tensor([1.0]))
    assert statistics_drift({"a": seen}, {"a": stored}, eps=0) == pytest.approx(1)  # of equal variances: d² / σ²
    assert statistics_drift({"a": seen}, {"a": (torch.tensor([1.0]), torch.tensor([1.0]))}) == pytest.approx(0)
    wide = (torch.tensor([1.0]), torch.tensor([4.0]))
    assert statistics_drift({"a": seen}, {"a": wide}, eps=0) == pytest.approx((1 / 4 + 4) / 2 - 1)
    assert math.isnan(statistics_drift({}, {}))


def test_every_criterion_has_its_heading_unit_and_direction_once():
    names = schema.CRITERION_METRICS
    assert list(names) == ["source_risk", "entropy", "information", "SND", "MixVal", "drift"]
    assert [schema.higher_is_better(metric) for metric in names.values()] == [True, False, True, True, True, False]
    assert schema.heading("chosen/target/criteria/SND") == "chosen target SND"
    assert schema.unit("target/criteria/MixVal") == "percent"
    assert schema.parse_metric("chosen/target/mIoU") == ("chosen", "target", "mIoU")
    assert schema.kind("chosen/target/criteria/SND") == schema.METRICS
