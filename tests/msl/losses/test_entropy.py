import math

import pytest
import torch

from msl.losses import entropy, iw_entropy


def test_uniform_probabilities_have_the_highest_entropy():
    prob = torch.full((2, 4, 3, 3), 0.25)
    assert entropy(prob).item() == pytest.approx(math.log(4) / 4)  # mean over N·C·H·W


@pytest.mark.parametrize("loss", [entropy, iw_entropy])
def test_a_probability_of_zero_gives_no_nan(loss):
    logits = torch.tensor([200.0, -200.0, 0.0]).view(1, 3, 1, 1).requires_grad_()
    value = loss(logits.softmax(1))
    value.backward()
    assert value.item() == pytest.approx(0, abs=1e-30)
    assert logits.grad.isfinite().all()
