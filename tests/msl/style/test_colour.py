import numpy as np
import pytest
import torch

from msl.data.images import read_image
from msl.errors import DataError
from msl.style import ColourTransfer, preserve_colours

from .conftest import images


def root(matrix: np.ndarray) -> np.ndarray:
    values, vectors = np.linalg.eigh(matrix)
    return vectors @ np.diag(np.sqrt(values)) @ vectors.T


def coral(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """The definition for two images (3, H, W) of one size: normalised pixels Z and ZZᵀ + I."""
    pixels, target_pixels = (image.reshape(3, -1).astype(np.float64) for image in (source, target))
    mean, std = pixels.mean(1, keepdims=True), pixels.std(1, ddof=1, keepdims=True)
    to_mean, to_std = target_pixels.mean(1, keepdims=True), target_pixels.std(1, ddof=1, keepdims=True)
    z, to_z = (pixels - mean) / std, (target_pixels - to_mean) / to_std
    moved = root(to_z @ to_z.T + np.eye(3)) @ np.linalg.inv(root(z @ z.T + np.eye(3))) @ z
    return (moved * to_std + to_mean).reshape(source.shape)


def moments(image: torch.Tensor) -> tuple[np.ndarray, np.ndarray]:
    pixels = image.double().reshape(3, -1).numpy()
    return pixels.mean(1), np.cov(pixels)


@pytest.fixture
def muted() -> torch.Tensor:
    """Content in the middle of the range, so that nothing is clamped."""
    return 0.4 + 0.2 * images(0, height=30, width=50)


def test_equals_the_definition_where_sizes_do(muted):
    style = images(1, height=30, width=50)
    (recoloured,) = preserve_colours(style, muted)
    np.testing.assert_allclose(recoloured.numpy(), coral(style[0].numpy(), muted[0].numpy()), rtol=1e-4, atol=1e-5)


def test_mean_and_covariance_become_the_contents_whatever_the_sizes(muted):
    styles = [images(1, height=90, width=70)[0], images(2, height=20, width=33)[0]]
    for recoloured, style in zip(preserve_colours(styles, muted), styles, strict=True):
        assert recoloured.shape == style.shape
        for actual, expected in zip(moments(recoloured), moments(muted), strict=True):
            np.testing.assert_allclose(actual, expected, rtol=0.01, atol=1e-5)  # the identity in ZZᵀ + I


def test_recoloured_styles_stay_in_range():
    (recoloured,) = preserve_colours(images(1) * 0.2, (images(2) > 0.4).float())
    assert recoloured.min() == 0
    assert recoloured.max() == 1


@pytest.mark.parametrize("value", [0.0, 0.7])
def test_grey_and_constant_images_stay_finite(muted, value):
    constant = torch.full((1, 3, 20, 20), value)
    grey = images(1)[:, :1].expand(-1, 3, -1, -1)
    for style, content in ((constant, muted), (muted, constant), (grey, muted), (muted, grey), (grey, constant)):
        (recoloured,) = preserve_colours(style, content)
        np.testing.assert_allclose(moments(recoloured)[0], moments(content)[0], atol=0.01)


def test_the_content_needs_to_be_an_image(muted):
    with pytest.raises(DataError, match="content is"):
        preserve_colours(muted, muted[0])


def test_as_a_style_content_takes_on_colours(muted):
    style = 0.3 + 0.3 * images(1, height=60)
    styled = ColourTransfer()(muted, style)
    for actual, expected in zip(moments(styled), moments(style), strict=True):
        np.testing.assert_allclose(actual, expected, rtol=0.01, atol=1e-5)
    half = ColourTransfer()(muted, style, alpha=0.5)
    torch.testing.assert_close(half, (styled + muted) / 2)
    torch.testing.assert_close(ColourTransfer()(muted, style, alpha=0.0), muted)


def test_several_styles_are_averaged_in_mean_and_covariance(muted):
    styles = 0.3 + 0.3 * images(1, count=2)
    weights = [0.25, 0.75]
    mixed = moments(ColourTransfer()(muted, styles, weights))
    for k, value in enumerate(mixed):
        expected = sum(w * moments(s)[k] for w, s in zip(weights, styles, strict=True))
        np.testing.assert_allclose(value, expected, rtol=0.01, atol=1e-5)


def test_real_photographs_lend_their_colours(real_data):
    paths = [min((real_data / folder).iterdir()) for folder in ("camvid/val", "styles/ambulance")]
    street, ambulance = (torch.from_numpy(read_image(p)).permute(2, 0, 1)[None] / 255 for p in paths)
    after, before, style_mean = (moments(x)[0] for x in (ColourTransfer()(street, ambulance), street, ambulance))
    assert np.abs(after - style_mean).max() < 0.04  # but for what is clamped
    assert np.abs(before - style_mean).max() > 0.1
