"""Interpolation as two matrix products is torch's own interpolation."""

import pytest
import torch
from torch.nn import functional as fn

from msl.numerics.interpolation import upsample, upsample_by_matrices


@pytest.mark.parametrize("size", [(17, 33), (5, 9), (1, 1), (8, 1)])
@pytest.mark.parametrize("coarse", [(5, 9), (1, 3)])
def test_matrices_give_values_and_gradients_of_torchs_interpolation(coarse, size):
    one = torch.randn(2, 3, *coarse, dtype=torch.float64, requires_grad=True)
    two = one.detach().clone().requires_grad_()
    fine, expected = upsample_by_matrices(one, size), fn.interpolate(two, size, mode="bilinear", align_corners=True)
    torch.testing.assert_close(fine, expected, rtol=1e-12, atol=1e-12)
    weight = torch.randn_like(fine)
    (fine * weight).sum().backward()
    (expected * weight).sum().backward()
    torch.testing.assert_close(one.grad, two.grad, rtol=1e-12, atol=1e-12)


def test_half_precision_keeps_its_type_and_loses_nothing_to_the_weights():
    logits = torch.randn(1, 3, 6, 11).bfloat16()
    with torch.autocast("cpu", torch.bfloat16):
        fine = upsample_by_matrices(logits, (24, 44))
    assert fine.dtype == torch.bfloat16
    torch.testing.assert_close(fine, upsample(logits, (24, 44)), rtol=0.02, atol=0.02)


def test_weights_made_while_scoring_serve_training():
    with torch.inference_mode():
        upsample_by_matrices(torch.zeros(1, 1, 4, 7), (9, 13))
    logits = torch.zeros(1, 1, 4, 7, requires_grad=True)
    upsample_by_matrices(logits, (9, 13)).sum().backward()
    assert logits.grad.sum().item() == pytest.approx(9 * 13)
