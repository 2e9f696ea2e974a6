import pytest
import torch
from tolerances import DOUBLE, SINGLE

from msl.config import AdaptationConfig
from msl.errors import ConfigError
from msl.losses import image_wise_weight, iw_max_square, max_square


def probabilities(n=2, c=5, h=6, w=7, seed=0, dtype=torch.float64):
    return torch.randn(n, c, h, w, generator=torch.Generator().manual_seed(seed), dtype=dtype).mul(2).softmax(1)


def test_closed_form_of_one_pixel():
    prob = torch.tensor([0.5, 0.3, 0.2]).view(1, 3, 1, 1)
    assert max_square(prob).item() == pytest.approx(-(0.25 + 0.09 + 0.04) / (2 * 3))


def test_certain_and_undecided_pixels_are_the_two_ends():
    certain = torch.tensor([1.0, 0.0]).view(1, 2, 1, 1)
    undecided = torch.tensor([0.5, 0.5]).view(1, 2, 1, 1)
    assert max_square(certain).item() == pytest.approx(-1 / 4)
    assert max_square(undecided).item() == pytest.approx(-1 / 8)


def test_closed_form_of_image_wise_weights_on_two_by_two():
    # three pixels are class 0, one is class 1
    prob = torch.tensor([[0.9, 0.9, 0.9, 0.2], [0.1, 0.1, 0.1, 0.8]]).view(1, 2, 2, 2)
    weight = image_wise_weight(prob, 0.2).flatten().tolist()
    frequent, rare = 1 / (3**0.2 * 4**0.8), 1 / (1**0.2 * 4**0.8)
    assert weight == pytest.approx([frequent, frequent, frequent, rare])
    expected = -(3 * frequent * 0.82 + rare * 0.68) / 2
    assert iw_max_square(prob, 0.2).item() == pytest.approx(expected)


@pytest.mark.parametrize(("share", "factor"), [(0.4, 1.2), (0.01, 2.5), (0.0001, 6.3)])
def test_a_class_weighs_by_its_share(share, factor):
    """w·HW = (HW/n)^0.2, the examples of the definitions."""
    pixels, few = 10_000, round(share * 10_000)
    prob = torch.zeros(1, 2, 100, 100)
    prob.view(1, 2, -1)[0, 0, :few] = 1
    prob.view(1, 2, -1)[0, 1, few:] = 1
    weight = image_wise_weight(prob, 0.2).view(-1)[0]
    assert (weight * pixels).item() == pytest.approx(factor, abs=0.05)


@pytest.mark.parametrize("ratio", [0.0, 0.2, 0.5, 0.8, 1.0])
def test_the_ratio_says_how_much_a_rare_class_weighs(ratio):
    """From every pixel alike at r = 0 to every class alike at r = 1: a class of n pixels weighs (n/S)^(1 - r)."""
    prob = torch.zeros(1, 2, 10, 10, dtype=torch.float64)
    prob.view(1, 2, -1)[0, 0, :4] = 1
    prob.view(1, 2, -1)[0, 1, 4:] = 1
    weight = image_wise_weight(prob, ratio).flatten()
    assert weight[:4].sum().item() == pytest.approx(0.04 ** (1 - ratio))
    assert weight[4:].sum().item() == pytest.approx(0.96 ** (1 - ratio))
    expected = -(0.04 ** (1 - ratio) + 0.96 ** (1 - ratio)) / 2
    assert iw_max_square(prob, ratio).item() == pytest.approx(expected)


@pytest.mark.parametrize("ratio", [-0.1, 1.1])
def test_a_ratio_outside_0_to_1_is_refused(ratio):
    with pytest.raises(ConfigError, match="iw_ratio"):
        AdaptationConfig.of(iw_ratio=ratio)


def test_ratio_zero_is_twice_the_plain_loss():
    prob = probabilities(n=1)
    torch.testing.assert_close(iw_max_square(prob, 0.0), 2 * max_square(prob), **SINGLE)


def test_no_gradient_flows_through_the_weights():
    logits = torch.randn(1, 3, 4, 4, dtype=torch.float64, requires_grad=True)
    weight = image_wise_weight(logits.softmax(1), 0.2)
    assert not weight.requires_grad
    (grad,) = torch.autograd.grad(iw_max_square(logits.softmax(1)), logits)
    fixed = -(weight * logits.softmax(1).square().sum(1)).sum() / 3
    (expected,) = torch.autograd.grad(fixed, logits)
    torch.testing.assert_close(grad, expected, **DOUBLE)
