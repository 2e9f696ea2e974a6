import math

import numpy as np
import pytest
import torch
from tolerances import SINGLE

from msl.losses import entropy, image_wise_weight, iw_entropy


def test_uniform_probabilities_have_the_highest_entropy():
    prob = torch.full((2, 4, 3, 3), 0.25)
    assert entropy(prob).item() == pytest.approx(math.log(4) / 4)  # mean over N·C·H·W


def test_equals_numpy():
    prob = torch.randn(2, 5, 4, 3, dtype=torch.float64).softmax(1)
    own = np.mean(-prob.numpy() * np.log(prob.numpy()))
    torch.testing.assert_close(entropy(prob).item(), own, **SINGLE)


def test_image_wise_form_weighs_the_same_terms():
    prob = torch.randn(2, 5, 4, 3, dtype=torch.float64).softmax(1)
    weight = image_wise_weight(prob, 0.2)[:, None].numpy()
    own = (-weight * prob.numpy() * np.log(prob.numpy())).sum() / (2 * 5)
    torch.testing.assert_close(iw_entropy(prob, 0.2).item(), own, **SINGLE)


@pytest.mark.parametrize("loss", [entropy, iw_entropy])
def test_gradients(loss):
    logits = torch.randn(1, 4, 3, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda z: loss(z.softmax(1)), logits)


@pytest.mark.parametrize("loss", [entropy, iw_entropy])
def test_a_probability_of_zero_gives_no_nan(loss):
    logits = torch.tensor([200.0, -200.0, 0.0]).view(1, 3, 1, 1).requires_grad_()
    value = loss(logits.softmax(1))
    value.backward()
    assert value.item() == pytest.approx(0, abs=1e-30)
    assert logits.grad.isfinite().all()
