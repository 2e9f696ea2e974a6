import numpy as np
import torch
from tolerances import DOUBLE, SINGLE

from msl.numerics.statistics import channel_statistics
from msl.style import adain


def features(seed, n=2, h=5, w=6, dtype=torch.float64):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(n, 3, h, w, generator=generator, dtype=dtype) * (seed + 1) + seed


def reference(content: np.ndarray, style: np.ndarray, eps: float) -> np.ndarray:
    """The definition, channel by channel."""
    out = np.empty_like(content)
    for n in range(content.shape[0]):
        for c in range(content.shape[1]):
            content_map, style_map = content[n, c], style[n, c]
            deviations = [np.sqrt(x.var(ddof=1) + eps) for x in (content_map, style_map)]
            out[n, c] = deviations[1] * (content_map - content_map.mean()) / deviations[0] + style_map.mean()
    return out


def test_equals_the_definition():
    content, style = features(0), features(1, h=7, w=3)
    for eps in (1e-5, 0.1):
        expected = reference(content.numpy(), style.numpy(), eps)
        np.testing.assert_allclose(adain(content, style, eps).numpy(), expected, **DOUBLE)


def test_takes_on_the_styles_statistics_and_keeps_the_contents_pattern():
    content, style = features(0, dtype=torch.float32), features(1, dtype=torch.float32)
    moved = adain(content, style)
    for actual, expected in zip(channel_statistics(moved), channel_statistics(style), strict=True):
        torch.testing.assert_close(actual, expected, rtol=1e-4, atol=1e-4)  # eps in the content's deviation
    normal = [(x - m) / s for x in (content, moved) for m, s in [channel_statistics(x)]]
    torch.testing.assert_close(normal[0], normal[1], rtol=1e-4, atol=1e-4)


def test_content_is_its_own_style():
    torch.testing.assert_close(adain(features(0), features(0)), features(0), **DOUBLE)


def test_one_style_serves_a_whole_batch():
    style = features(1, n=1)
    both = adain(features(0), style)
    for n in range(2):
        torch.testing.assert_close(both[n : n + 1], adain(features(0)[n : n + 1], style), **DOUBLE)


def test_half_precision_keeps_its_type_and_single_precisions_statistics():
    content, style = 50 + features(0, h=100, w=120).bfloat16(), features(1).bfloat16()
    moved = adain(content, style)
    assert moved.dtype == torch.bfloat16
    torch.testing.assert_close(moved, adain(content.double(), style.double()).bfloat16(), rtol=1e-2, atol=1e-2)


def test_a_constant_channel_stays_finite():
    flat = torch.full((1, 3, 4, 4), 0.3)
    torch.testing.assert_close(adain(flat, flat), flat, **SINGLE)


def test_gradients():
    content, style = features(0, n=1, h=3, w=3).requires_grad_(), features(1, n=1, h=2, w=4).requires_grad_()
    assert torch.autograd.gradcheck(adain, (content, style))
