"""A mirrored edge from slices is that of torch."""

import torch

from msl.numerics.padding import MirroredEdge, mirrored_edge


def test_slices_give_values_and_gradients_of_torchs_padding():
    one = torch.randn(2, 3, 4, 5, dtype=torch.float64, requires_grad=True)
    two = one.detach().clone().requires_grad_()
    padded, expected = mirrored_edge(one), MirroredEdge()(two)
    assert torch.equal(padded, expected)
    weight = torch.randn_like(padded)
    (padded * weight).sum().backward()
    (expected * weight).sum().backward()
    torch.testing.assert_close(one.grad, two.grad, rtol=1e-12, atol=1e-12)
