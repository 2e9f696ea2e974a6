import numpy as np
import pytest
import torch
from tolerances import DOUBLE, SINGLE

from msl.losses import class_prior

PRIOR = torch.tensor([0.5, 0.3, 0.2, 0.0], dtype=torch.float64)


def logits(seed=0, dtype=torch.float64):
    return 2 * torch.randn(2, 4, 3, 5, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def test_closed_form_of_two_classes():
    prob = torch.tensor([[0.9, 0.1], [0.1, 0.9]]).view(2, 2, 1, 1)  # on average (½, ½)
    prior = torch.tensor([0.25, 0.75])
    assert class_prior(prob, prior).item() == pytest.approx(0.25 * np.log(0.5) + 0.75 * np.log(1.5))


def test_equals_its_definition_and_is_0_at_the_prior():
    prob = logits().softmax(1)
    mean, prior = prob.mean((0, 2, 3)).numpy(), PRIOR.numpy()
    expected = sum(p * np.log(p / m) for p, m in zip(prior, mean, strict=True) if p)
    torch.testing.assert_close(class_prior(prob, PRIOR).item(), expected, **DOUBLE)
    assert class_prior(prob, prob.mean((0, 2, 3))).item() == pytest.approx(0, abs=1e-14)
    assert class_prior(prob, PRIOR) > 0


def test_gradients():
    assert torch.autograd.gradcheck(lambda z: class_prior(z.softmax(1), PRIOR), logits().requires_grad_())


def test_ignored_pixels_do_not_count():
    valid = torch.zeros(2, 3, 5, dtype=torch.bool)
    valid[:, :2] = True
    expected = class_prior(logits()[:, :, :2].softmax(1), PRIOR)
    other = torch.where(valid[:, None], logits(), logits(1))
    torch.testing.assert_close(class_prior(other.softmax(1), PRIOR, valid), expected, **DOUBLE)
    nothing = logits().requires_grad_()
    value = class_prior(nothing.softmax(1), PRIOR, torch.zeros_like(valid))
    value.backward()
    assert value == 0
    assert not nothing.grad.any()


def test_a_class_that_is_never_predicted_costs_much_and_gives_no_infinity():
    z = torch.full((1, 4, 2, 2), -1e4)
    z[:, 0] = 0
    z.requires_grad_()
    value = class_prior(z.softmax(1), PRIOR)
    value.backward()
    assert 20 < value < 100
    assert z.grad.isfinite().all()


def test_single_precision():
    z = logits()
    torch.testing.assert_close(
        class_prior(z.float().softmax(1), PRIOR), class_prior(z.softmax(1), PRIOR).float(), **SINGLE
    )
