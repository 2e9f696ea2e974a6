import numpy as np
import pytest
import torch
from tolerances import DOUBLE, SINGLE

from msl.losses import content_loss, style_loss
from msl.numerics.statistics import channel_statistics


def layers(seed: int, size: int = 5) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(2, c, size, size + 1, generator=generator, dtype=torch.float64) for c in (3, 4)]


def test_statistics_equal_numpys():
    features = layers(0)[0]
    mean, deviation = channel_statistics(features)
    flat = features.numpy().reshape(2, 3, -1)
    np.testing.assert_allclose(mean.numpy()[:, :, 0, 0], flat.mean(2), **DOUBLE)
    np.testing.assert_allclose(deviation.numpy()[:, :, 0, 0], np.sqrt(flat.var(2, ddof=1) + 1e-5), **DOUBLE)


def test_half_precision_is_summed_in_single():
    features = 100 + torch.randn(1, 2, 200, 300, generator=torch.Generator().manual_seed(0))
    mean, deviation = channel_statistics(features.bfloat16())
    assert (mean.dtype, deviation.dtype) == (torch.float32, torch.float32)
    torch.testing.assert_close(mean, features.bfloat16().double().mean((2, 3), keepdim=True).float(), **SINGLE)


def test_a_constant_channel_has_the_deviation_of_eps():
    mean, deviation = channel_statistics(torch.full((1, 1, 4, 4), 0.5, dtype=torch.float64))
    assert (mean.item(), deviation.item()) == pytest.approx((0.5, 1e-5**0.5))


def test_losses_of_a_closed_form():
    # means 1 and 3, deviations sqrt(4/3 + eps) and sqrt(16/3 + eps)
    decoded = torch.tensor([0.0, 0.0, 2.0, 2.0], dtype=torch.float64).view(1, 1, 2, 2)
    style = torch.tensor([1.0, 1.0, 5.0, 5.0], dtype=torch.float64).view(1, 1, 2, 2)
    deviations = (4 / 3 + 1e-5) ** 0.5, (16 / 3 + 1e-5) ** 0.5
    expected = (1 - 3) ** 2 + (deviations[0] - deviations[1]) ** 2
    assert style_loss([decoded], [style]).item() == pytest.approx(expected)
    assert style_loss([decoded, decoded], [style, style]).item() == pytest.approx(2 * expected)
    assert content_loss(decoded, style).item() == pytest.approx((1 + 1 + 9 + 9) / 4)


def test_style_compares_images_of_any_size_and_content_pixels():
    assert style_loss(layers(0), [layer.repeat(1, 1, 1, 1) for layer in layers(0)]).item() == 0
    wider = layers(1, size=9)
    assert style_loss(layers(0), wider).item() > 0
    with pytest.raises(ValueError, match="zip"):
        style_loss(layers(0), wider[:1])


def test_gradients():
    features, styles = layers(0), layers(1)
    features = [layer.requires_grad_() for layer in features]
    assert torch.autograd.gradcheck(lambda a, b: style_loss([a, b], styles), features)
    assert torch.autograd.gradcheck(lambda a: content_loss(a, styles[0]), features[0])


def test_targets_carry_no_gradient():
    features = [layer.requires_grad_() for layer in layers(0)]
    styles = [layer.requires_grad_() for layer in layers(1)]
    (style_loss(features, styles) + content_loss(features[0], styles[0])).backward()
    assert all(layer.grad is not None for layer in features)
    assert all(layer.grad is None for layer in styles)
