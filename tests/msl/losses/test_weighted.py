import numpy as np
import pytest
import torch
from tolerances import DOUBLE, SINGLE

from msl.losses import cross_entropy, weighted_cross_entropy


def example(dtype=torch.float64):
    rng = torch.Generator().manual_seed(0)
    logits = 3 * torch.randn(2, 4, 3, 5, generator=rng, dtype=dtype)
    label = torch.randint(0, 4, (2, 3, 5), generator=rng, dtype=torch.uint8)
    label[:, 0] = 255
    return logits, label, torch.rand(2, 3, 5, generator=rng, dtype=dtype)


def test_closed_form_of_two_pixels():
    logits = torch.tensor([[0.0, 0.0], [0.0, np.log(3.0)]]).view(1, 2, 1, 2)  # p = (½, ½) and (¼, ¾)
    label, weight = torch.tensor([[[0, 1]]]), torch.tensor([[[1.0, 0.5]]])
    expected = (np.log(2) + 0.5 * np.log(4 / 3)) / 2
    assert weighted_cross_entropy(logits, label, weight).item() == pytest.approx(expected)


def test_equals_its_definition():
    logits, label, weight = example()
    z = logits.numpy()
    log_prob = z - np.log(np.exp(z).sum(1, keepdims=True))
    total = 0.0
    for (n, y, x), train_id in np.ndenumerate(label.numpy()):
        total -= 0.0 if train_id == 255 else weight[n, y, x].item() * log_prob[n, train_id, y, x]
    torch.testing.assert_close(weighted_cross_entropy(logits, label, weight).item(), total / label.numel(), **DOUBLE)


def test_gradients():
    logits, label, weight = example()
    logits, weight = logits.requires_grad_(), weight.requires_grad_()
    assert torch.autograd.gradcheck(lambda z: weighted_cross_entropy(z, label, weight), logits)
    weighted_cross_entropy(logits, label, weight).backward()
    assert weight.grad is None
    assert not logits.grad[:, :, 0].any()


def test_without_ignored_pixels_and_with_weight_1_it_is_the_plain_one():
    logits, label, weight = example(torch.float32)
    label[:, 0] = 1
    torch.testing.assert_close(
        weighted_cross_entropy(logits, label, torch.ones_like(weight)), cross_entropy(logits, label), **SINGLE
    )
