import numpy as np
import pytest
import torch

from msl.errors import ConfigError, DataError
from msl.style import FourierTransfer

from .conftest import images


def fda(content: np.ndarray, style: np.ndarray, beta: float) -> np.ndarray:
    """The paper's equation 3 for two images (3, H, W) of one size, on the whole spectrum."""
    spectra = [np.fft.fftshift(np.fft.fft2(image), axes=(1, 2)) for image in (content, style)]
    amplitude, phase = np.abs(spectra[0]), np.angle(spectra[0])
    _, h, w = content.shape
    b, y, x = int(np.floor(min(h, w) * beta)), h // 2, w // 2
    square = (slice(None), slice(y - b, y + b + 1), slice(x - b, x + b + 1))
    amplitude[square] = np.abs(spectra[1])[square]
    return np.fft.ifft2(np.fft.ifftshift(amplitude * np.exp(1j * phase), axes=(1, 2))).real


@pytest.mark.parametrize("beta", [0.0, 0.03, 0.1, 0.3, 0.49])
@pytest.mark.parametrize("size", [(24, 40), (33, 27)])
def test_equals_the_definition(beta, size):
    content, style = images(0, 2, *size).double(), images(1, 1, *size).double()
    expected = np.stack([fda(image.numpy(), style[0].numpy(), beta) for image in content]).clip(0, 1)
    np.testing.assert_allclose(FourierTransfer(beta)(content, style).numpy(), expected, rtol=0, atol=1e-10)


def test_below_one_wave_only_the_mean_changes():
    content, style = 0.5 + 0.1 * images(0), 0.3 + 0.1 * images(1)
    means = style.mean((2, 3), keepdim=True) - content.mean((2, 3), keepdim=True)
    torch.testing.assert_close(FourierTransfer(0.01)(content, style), content + means)


def test_a_style_image_may_have_any_size():
    """A wave across the image is the same wave when the image is enlarged."""

    def waves(factor: int) -> torch.Tensor:
        down, across = (2 * torch.pi * torch.arange(n * factor) / (n * factor) for n in (24, 40))
        plane = 0.5 + 0.2 * torch.cos(2 * down[:, None] + across) + 0.1 * torch.cos(down[:, None])
        return plane.expand(1, 3, -1, -1)

    transfer = FourierTransfer(0.1)
    torch.testing.assert_close(transfer(images(0), waves(3)), transfer(images(0), waves(1)))


def test_content_is_its_own_style_and_alpha_goes_the_way_between():
    content, style = 0.4 + 0.1 * images(0), 0.4 + 0.1 * images(1)
    torch.testing.assert_close(FourierTransfer(0.2)(content, content), content)
    torch.testing.assert_close(FourierTransfer(0.2)(content, style, alpha=0.0), content)
    half, whole = (FourierTransfer(0.2)(content, style, alpha=alpha) for alpha in (0.5, 1.0))
    torch.testing.assert_close(half, (content + whole) / 2)


def test_amplitudes_of_several_styles_are_averaged():
    content, styles = images(0), [images(1)[0], images(2, height=50)[0]]
    transfer = FourierTransfer(0.2)
    statistics = transfer.prepare(styles)
    assert [tuple(value.shape) for value in statistics.values] == [(2, 3, 23, 12)]  # as far as the smaller reaches
    first, second = (transfer(0.5 + 0.1 * content, [0.5 + 0.1 * style]) for style in styles)
    mixed = transfer(0.5 + 0.1 * content, [0.5 + 0.1 * style for style in styles], weights=[0.25, 0.75])
    torch.testing.assert_close(mixed, 0.25 * first + 0.75 * second, rtol=1e-4, atol=1e-5)


def test_gradients_reach_the_content():
    content, style = (0.4 + 0.2 * images(seed, 1, 16, 17).double() for seed in (0, 1))
    transfer = FourierTransfer(0.1)
    statistics = transfer.prepare(style)
    assert torch.autograd.gradcheck(lambda x: transfer(x, statistics), content.requires_grad_(), fast_mode=True)


def test_what_cannot_be_swapped_is_refused():
    for beta in (-0.1, 0.5, float("nan")):
        with pytest.raises(ConfigError, match=f"beta = {beta}: the share of the frequencies"):
            FourierTransfer(beta)
    with pytest.raises(
        DataError, match=r"beta = 0.1 swaps 20 waves of content of 300x200 .* smallest style image holds 11"
    ):
        FourierTransfer(0.1)(images(0, 1, 200, 300), images(1))
