"""What holds for every loss: each against its definition in plain NumPy, and the same invariances for all.

Losses are looked at as functions of logits (N, C, H, W). Labels are made from the logits too, so that they follow when
images, pixels or classes are reordered. Closed forms and what is peculiar to one loss stand in its own file.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from tolerances import DOUBLE, SINGLE

from msl.losses import (
    confident_labels,
    cross_entropy,
    entropy,
    guidance_labels,
    iw_entropy,
    iw_max_square,
    max_square,
)
from msl.numerics import bands

RATIO, THRESHOLD = 0.3, 0.8


@dataclass(frozen=True)
class Loss:
    ours: Callable  # of what it takes (probabilities or logits), and valid
    definition: Callable  # of logits and probabilities as NumPy arrays
    takes_prob: bool = True

    def of_logits(self, logits, valid=None):
        return self.ours(logits.softmax(1) if self.takes_prob else logits, valid)


def on_labels(make_labels):
    def loss(logits, valid):
        label = make_labels(logits.detach())
        return cross_entropy(logits, label if valid is None else label.masked_fill(~valid, 255))

    return loss


def fixed_labels(z):
    return z.argmin(1)


def hard(z):
    return confident_labels(z.softmax(1), THRESHOLD)


def guided(z):
    return guidance_labels((3 * z.sin()).softmax(1), z.softmax(1), THRESHOLD)


def np_weight(p):
    weight = np.empty((len(p), 1, *p.shape[2:]))
    for image, out in zip(p, weight, strict=True):
        winner = image.argmax(0)
        for place, k in np.ndenumerate(winner):
            out[0][place] = 1 / max((winner == k).sum() ** RATIO * winner.size ** (1 - RATIO), 1)
    return weight


def np_softmax(z):
    e = np.exp(z - z.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)


def np_cross_entropy(p, label, counted):
    right = np.take_along_axis(p, label[:, None], 1)[:, 0]
    return -np.log(right[counted]).sum() / max(counted.sum(), 1)


def np_guidance(z, p):
    main = np_softmax(3 * np.sin(z))
    return np_cross_entropy(p, ((main + p) / 2).argmax(1), (main.max(1) > THRESHOLD) | (p.max(1) > THRESHOLD))


LOSSES = {
    "maxsquare": Loss(max_square, lambda z, p: -(p**2).sum() / (2 * p.size)),
    "IW_maxsquare": Loss(
        lambda p, valid: iw_max_square(p, RATIO, valid),
        lambda z, p: -(np_weight(p) * p**2).sum() / (p.shape[0] * p.shape[1]),
    ),
    "entropy": Loss(entropy, lambda z, p: (-p * np.log(p)).mean()),
    "IW_entropy": Loss(
        lambda p, valid: iw_entropy(p, RATIO, valid),
        lambda z, p: -(np_weight(p) * p * np.log(p)).sum() / (p.shape[0] * p.shape[1]),
    ),
    "supervised": Loss(on_labels(fixed_labels), lambda z, p: np_cross_entropy(p, z.argmin(1), p.max(1) > 0), False),
    "hard": Loss(on_labels(hard), lambda z, p: np_cross_entropy(p, p.argmax(1), p.max(1) > THRESHOLD), False),
    "guidance": Loss(on_labels(guided), np_guidance, False),
}
every_loss = pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)


def logits(n=3, c=5, h=6, w=7, seed=0, dtype=torch.float64):
    return 3 * torch.randn(n, c, h, w, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def with_gradient(function, x):
    x = x.detach().clone().requires_grad_()
    value = function(x)
    value.backward()
    return value.detach(), x.grad


@every_loss
def test_equals_its_definition(loss):
    z = logits()
    expected = loss.definition(z.numpy(), np_softmax(z.numpy()))
    assert expected != 0
    torch.testing.assert_close(loss.of_logits(z).item(), expected, **DOUBLE)


@every_loss
def test_gradients(loss):
    assert torch.autograd.gradcheck(loss.of_logits, logits(n=2, h=3, w=3).requires_grad_())


@every_loss
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last], ids=["planes", "channels_last"])
def test_bands_and_layout_change_nothing(loss, layout, monkeypatch):
    whole = with_gradient(loss.of_logits, logits())
    monkeypatch.setattr(bands, "_BAND", 1)  # a row at a time
    torch.testing.assert_close(
        with_gradient(loss.of_logits, logits().contiguous(memory_format=layout)), whole, **DOUBLE
    )


@every_loss
def test_a_batch_is_the_mean_of_its_images(loss):
    """Labels' cross entropy weighs images by their labelled pixels; the others weigh them alike."""
    z = logits()
    makers = {LOSSES["hard"]: hard, LOSSES["guidance"]: guided}
    label = makers.get(loss, fixed_labels)(z)
    counted = (label != 255).sum((1, 2)).double()
    alone = torch.stack([loss.of_logits(image) for image in z.split(1)])
    torch.testing.assert_close(loss.of_logits(z), (counted * alone).sum() / counted.sum(), **DOUBLE)


@every_loss
def test_the_order_of_the_classes_does_not_matter(loss):
    z, order = logits(), torch.tensor([3, 0, 4, 1, 2])
    value, gradient = with_gradient(loss.of_logits, z)
    permuted = with_gradient(loss.of_logits, z[:, order])
    torch.testing.assert_close(permuted, (value, gradient[:, order]), **DOUBLE)


@every_loss
def test_ignored_pixels_do_not_count(loss):
    z = logits()
    valid = torch.zeros(3, 6, 7, dtype=torch.bool)
    valid[:, :, :4] = True
    value, gradient = with_gradient(lambda x: loss.of_logits(x, valid), z)
    other = torch.where(valid[:, None], z, logits(seed=9))
    cropped = with_gradient(loss.of_logits, z[..., :4])
    torch.testing.assert_close(loss.of_logits(other, valid), value, **DOUBLE)
    torch.testing.assert_close((value, gradient[..., :4]), cropped, **DOUBLE)
    assert not gradient[..., 4:].any()


@every_loss
def test_no_pixel_that_counts_gives_zero(loss):
    nothing = torch.zeros(3, 6, 7, dtype=torch.bool)
    value, gradient = with_gradient(lambda z: loss.of_logits(z, nothing), logits())
    assert value == 0
    assert not gradient.any()


@pytest.mark.parametrize("labels", [confident_labels, lambda p, t: guidance_labels(p, p.flip(1), t)])
def test_no_confident_pixel_gives_zero(labels):
    value, gradient = with_gradient(lambda z: cross_entropy(z, labels(z.softmax(1), 1.0)), logits())
    assert value == 0
    assert not gradient.any()


@every_loss
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_sums_in_single(loss, dtype):
    x = (logits().softmax(1) if loss.takes_prob else logits()).to(dtype)
    value, gradient = with_gradient(lambda x: loss.ours(x, None), x)
    expected, exact = with_gradient(lambda x: loss.ours(x, None), x.float())
    assert (value.dtype, gradient.dtype) == (torch.float32, dtype)
    torch.testing.assert_close(value, expected, **SINGLE)
    torch.testing.assert_close(gradient, exact.to(dtype))  # rounded once, in the end


@every_loss
@pytest.mark.parametrize("scale", [1e2, 1e4])
def test_extreme_logits_in_single_precision(loss, scale):
    """Probabilities underflow to 0 and round to 1; value and gradient are still those of double precision."""
    z = logits(dtype=torch.float32) * scale
    value, gradient = with_gradient(loss.of_logits, z)
    expected, exact = with_gradient(loss.of_logits, z.double())
    assert gradient.isfinite().all()
    torch.testing.assert_close(value, expected.float(), **SINGLE)
    torch.testing.assert_close(gradient, exact.float(), **SINGLE)
