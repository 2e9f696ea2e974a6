"""Fourier domain adaptation: the slow changes of brightness and colour come from the style, all edges stay.

Yang and Soatto: *FDA: Fourier Domain Adaptation for Semantic Segmentation*, CVPR 2020, arXiv:2004.05498, equation 3.
"""

from collections.abc import Sequence
from math import floor

import torch
from torch import Tensor

from msl.errors import ConfigError, DataError
from msl.numerics.precision import at_least_single
from msl.style.styler import Styler, StyleStatistics


class FourierTransfer(Styler):
    """The content's image with the style's amplitudes at the lowest frequencies; all phases stay the content's.

    Frequencies are counted in waves across the image, so that a style image does not have to be stretched to the
    content's size. Amplitudes are those of the Fourier transform, divided by the number of pixels.
    """

    def __init__(self, beta: float = 0.01) -> None:
        """Set up the swap.

        Args:
            beta: half the side of the swapped square, as a share of the content's shorter side (the paper: 0.01 to
                0.09); below one wave, only the mean changes.

        Raises:
            ConfigError: it is not in [0, 0.5).
        """
        super().__init__()
        if not 0 <= beta < 0.5:
            raise ConfigError(f"beta = {beta}: the share of the frequencies must be at least 0 and less than 0.5")
        self.beta = beta

    def statistics_of(self, image: Tensor) -> tuple[Tensor, ...]:
        """Amplitudes (1, 3, 2B + 1, B + 1) of -B … B waves down and 0 … B across, B as many as the image holds."""
        amplitude = torch.fft.rfft2(at_least_single(image), norm="forward").abs()
        waves = (min(image.shape[2:]) - 1) // 2
        return (amplitude[:, :, _rows(waves), : waves + 1],)

    def join(self, statistics: Sequence[tuple[Tensor, ...]]) -> StyleStatistics:
        """Several images' amplitudes, up to the highest frequency of the smallest image."""
        waves = min(_reach(amplitude) for (amplitude,) in statistics)
        return StyleStatistics((torch.cat([_lowest(amplitude, waves) for (amplitude,) in statistics]),))

    def restyle(self, content: Tensor, style: tuple[Tensor, ...], alpha: float) -> Tensor:
        """Equation 3, with amplitudes that are swapped only in part if `alpha` is below 1.

        Raises:
            DataError: the style images are too small for this number of waves.
        """
        (amplitude,) = style
        size = (content.shape[2], content.shape[3])
        waves = floor(min(size) * self.beta)
        if waves > _reach(amplitude):
            raise DataError(
                f"beta = {self.beta} swaps {waves} waves of content of {size[1]}x{size[0]} (width x height), but the "
                f"smallest style image holds {_reach(amplitude)}: use larger style images or a lower beta"
            )
        spectrum = torch.fft.rfft2(at_least_single(content), norm="forward")
        low = (slice(None), slice(None), _rows(waves), slice(waves + 1))
        mixed = torch.lerp(spectrum[low].abs(), _lowest(amplitude, waves), alpha)
        spectrum[low] = torch.polar(mixed, spectrum[low].angle())
        image: Tensor = torch.fft.irfft2(spectrum, s=size, norm="forward")
        return image.to(content.dtype)


def _rows(waves: int) -> Tensor:
    """Indices of the frequencies from -waves to waves, in a transform's order."""
    return torch.arange(-waves, waves + 1)


def _reach(amplitude: Tensor) -> int:
    return amplitude.shape[3] - 1


def _lowest(amplitude: Tensor, waves: int) -> Tensor:
    """The amplitudes of at most `waves` waves, out of those that `statistics_of` gives."""
    middle = _reach(amplitude)
    return amplitude[:, :, middle - waves : middle + waves + 1, : waves + 1]
