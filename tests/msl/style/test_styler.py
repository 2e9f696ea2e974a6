import logging

import pytest
import torch
from tolerances import SINGLE

from msl.errors import ConfigError, DataError
from msl.style import ColourTransfer, FourierTransfer, StyleStatistics, mixing_weights

from .conftest import images


@pytest.fixture(params=["network", "fourier", "colour"])
def styler(request):
    return {
        "network": lambda: request.getfixturevalue("transfer"),
        "fourier": lambda: FourierTransfer(0.2),
        "colour": ColourTransfer,
    }[request.param]()


@torch.no_grad()
def test_every_style_has_one_interface(styler):
    content, styles = images(0, count=2), images(1, count=3)
    styled = styler(content, styles, weights=[0.5, 0.25, 0.25], alpha=0.7)
    assert styled.shape == content.shape
    assert styled.dtype == torch.float32
    assert 0 <= styled.min() < styled.max() <= 1
    torch.testing.assert_close(styler(content, styler.prepare(styles), [0.5, 0.25, 0.25], 0.7), styled, **SINGLE)
    one_by_one = torch.cat([styler(image[None], styles, [0.5, 0.25, 0.25], 0.7) for image in content])
    torch.testing.assert_close(one_by_one, styled, rtol=1e-4, atol=1e-5)


@torch.no_grad()
def test_integers_are_taken_as_grey_levels(styler):
    content, styles = ((images(seed) * 255).round().to(torch.uint8) for seed in (0, 1))
    torch.testing.assert_close(styler(content, styles), styler(content / 255, styles / 255), **SINGLE)


@torch.no_grad()
@pytest.mark.parametrize("alpha", [-0.1, 1.01, float("nan")])
def test_alpha_outside_its_range_is_refused(styler, alpha):
    with pytest.raises(ConfigError, match=rf"alpha = {alpha}: the share of the style must be in 0 … 1"):
        styler(images(0), images(1), alpha=alpha)


@torch.no_grad()
def test_bad_style_images_are_refused(styler):
    with pytest.raises(DataError, match="no style images"):
        styler(images(0), [])
    with pytest.raises(DataError, match="style image 2 is 8x40 .* needs at least 16 pixels"):
        styler(images(0), [images(1)[0], images(2, height=40, width=8)[0]])
    with pytest.raises(DataError, match=r"style image 1 is \(1, 1, 24, 40\): RGB images have the shape"):
        styler(images(0), images(1)[:, :1])


def test_statistics_are_averaged():
    statistics = StyleStatistics((torch.tensor([[1.0, 2.0], [3.0, 6.0]]), torch.tensor([[[0.0]], [[8.0]]])))
    first, second = statistics.mixed([0.25, 0.75])
    assert first.tolist() == [[2.5, 5.0]]
    assert second.tolist() == [[[6.0]]]
    assert len(statistics) == 2


def test_weights_sum_to_one(caplog):
    with caplog.at_level(logging.WARNING, "msl"):
        assert mixing_weights(None, 4) == [0.25] * 4
        assert mixing_weights([0.1] * 10, 10) == [0.1] * 10
    assert not caplog.records
    with caplog.at_level(logging.WARNING, "msl"):
        assert mixing_weights([3, 1], 2) == [0.75, 0.25]
    assert "weights = [3, 1] sum to 4, not 1: used as [0.75, 0.25]" in caplog.text


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ([0.5, -0.1], r"weights = \[0.5, -0.1\]: .* 0 or more"),
        ([0, 0], "not all 0"),
        ([1, float("nan")], "0 or more"),
        ([1, float("inf")], "0 or more"),
        ([1], "1 weights for 2 style images"),
    ],
)
def test_weights_that_mean_nothing_are_refused(weights, message):
    with pytest.raises(ConfigError, match=message):
        mixing_weights(weights, 2)
