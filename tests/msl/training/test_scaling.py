"""Losses in float16."""

import pytest
import torch
from torch import nn

from msl.training.scaling import Scaling

HALF = (torch.device("cpu"), torch.float16)


def step(scaling, factor=1.0, clip_norm=None):
    """The weight of a linear layer after one step; its gradient is `factor`."""
    layer = nn.Linear(1, 1, bias=False)
    nn.init.constant_(layer.weight, 1.0)
    optimizer = torch.optim.SGD(layer.parameters(), lr=0.5)
    scaling.backward(factor * layer(torch.ones(1, 1)).sum())
    scaling.step(optimizer, clip_norm)
    scaling.update()
    return layer.weight.item()


@pytest.mark.parametrize("clip_norm", [None, 0.25])
def test_a_step_is_that_of_the_loss_itself(clip_norm):
    assert step(Scaling(*HALF), clip_norm=clip_norm) == step(Scaling(), clip_norm=clip_norm)


def test_a_step_whose_gradients_overflow_is_left_out_and_the_factor_falls():
    scaling = Scaling(*HALF)
    assert step(scaling, factor=1e36) == 1.0
    assert scaling.state_dict()["scale"] == 2**15
    assert step(scaling) == 0.5


def test_its_state_is_restored_and_other_precisions_have_none():
    scaling, other = Scaling(*HALF), Scaling(*HALF)
    step(scaling, factor=1e36)
    other.load_state_dict(scaling.state_dict())
    assert other.state_dict() == scaling.state_dict()
    assert Scaling().state_dict() == {}
    Scaling().load_state_dict(scaling.state_dict())
