import math

import pytest
import torch
from tolerances import SINGLE

from msl.losses import cross_entropy


def test_undecided_logits_cost_the_logarithm_of_the_number_of_classes():
    label = torch.randint(0, 5, (2, 3, 3), dtype=torch.uint8)
    assert cross_entropy(torch.zeros(2, 5, 3, 3), label).item() == pytest.approx(math.log(5))


def test_mean_is_over_the_labelled_pixels_of_the_whole_batch():
    logits = torch.randn(2, 4, 3, 5)
    label = torch.randint(0, 4, (2, 3, 5))
    label[0] = 255
    torch.testing.assert_close(cross_entropy(logits, label), cross_entropy(logits[1:], label[1:]), **SINGLE)


def test_equals_pytorch_where_pytorch_is_defined():
    logits, label = torch.randn(2, 4, 3, 5), torch.randint(0, 4, (2, 3, 5))
    label[0, 0] = 255
    torch_loss = torch.nn.functional.cross_entropy(logits, label, ignore_index=255)
    torch.testing.assert_close(cross_entropy(logits, label), torch_loss, **SINGLE)


def test_a_batch_without_labels_gives_zero():
    assert cross_entropy(torch.randn(1, 3, 2, 2), torch.full((1, 2, 2), 255)).item() == 0
