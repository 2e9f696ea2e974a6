"""Transfer of colours from one image to another: the mean and the covariance of the pixels."""

from collections.abc import Sequence

import torch
from torch import Tensor

from msl.style.pixels import unit_rgb
from msl.style.styler import Styler

_LEAST = 1e-8  # added to each channel's variance, so that it is not 0: the square of a fortieth of a grey level


class ColourTransfer(Styler):
    """Content takes on the mean and the covariance of the style's RGB values: a style without a network.

    It takes on the whole covariance: matching each channel alone would assume that channels vary independently.
    """

    def statistics_of(self, image: Tensor) -> tuple[Tensor, ...]:
        """Mean (1, 3) and covariance (1, 3, 3)."""
        return colour_statistics(image)

    def restyle(self, content: Tensor, style: tuple[Tensor, ...], alpha: float) -> Tensor:
        """A linear map of each pixel, the same for all pixels."""
        return torch.lerp(content, _recolour(content, *style), alpha)


def preserve_colours(styles: Tensor | Sequence[Tensor], content: Tensor) -> list[Tensor]:
    """Style images in the content's colours: with them, a network transfers the texture alone (CORAL).

    Sun, Feng and Saenko, arXiv:1511.05547, on colours as in Huang and Belongie, arXiv:1703.06868, section 7.3: mean,
    deviations and the correlation ZZᵀ + I become the content's, where Z holds normalised pixels.

    Args:
        styles: (K, 3, h, w), or K of (3, h, w) in any sizes; uint8 or RGB in [0, 1].
        content: the image whose colours they take on, (1, 3, H, W).

    Returns:
        K of (3, h, w), clamped to [0, 1].
    """
    mean, covariance = colour_statistics(unit_rgb(content, "content"))
    images = (unit_rgb(image.unsqueeze(0), f"style image {k + 1}") for k, image in enumerate(styles))
    return [_recolour(image, mean, covariance).clamp(0, 1).squeeze(0) for image in images]


@torch.no_grad()
def colour_statistics(image: Tensor) -> tuple[Tensor, Tensor]:
    """Mean (N, 3) and covariance (N, 3, 3) of the pixels of images (N, 3, H, W), in float64.

    The covariance is that of ZZᵀ + I, divided by the number of pixels. Without the division, as in the port, it would
    change the contrast if two images differ in size.
    """
    pixels = image.double().flatten(2)  # (N, 3, H·W)
    mean = pixels.mean(dim=2)
    centred = pixels - mean.unsqueeze(2)
    degrees = pixels.shape[2] - 1
    covariance = centred @ centred.mT / degrees  # (N, 3, 3)
    variance = covariance.diagonal(dim1=1, dim2=2)  # (N, 3)
    return mean, covariance + torch.diag_embed(variance / degrees + _LEAST)


@torch.no_grad()
def _recolour(image: Tensor, mean: Tensor, covariance: Tensor) -> Tensor:
    """Images (N, 3, H, W) with these colour statistics (N or 1), in the images' type."""
    image_mean, image_covariance = colour_statistics(image)
    image_scale, scale = _deviations(image_covariance), _deviations(covariance)  # (N, 3)
    whitening = _power(image_covariance / _outer(image_scale), -0.5) / image_scale.unsqueeze(1)
    change = scale.unsqueeze(2) * (_power(covariance / _outer(scale), 0.5) @ whitening)  # (N, 3, 3)
    pixels = image.double().flatten(2) - image_mean.unsqueeze(2)
    return (change @ pixels + mean.unsqueeze(2)).view_as(image).to(image.dtype)


def _deviations(covariance: Tensor) -> Tensor:
    return covariance.diagonal(dim1=1, dim2=2).sqrt()


def _outer(scale: Tensor) -> Tensor:
    return scale.unsqueeze(2) * scale.unsqueeze(1)


def _power(matrix: Tensor, exponent: float) -> Tensor:
    """A power of symmetric positive definite matrices (N, 3, 3)."""
    values, vectors = torch.linalg.eigh(matrix)
    power: Tensor = vectors @ torch.diag_embed(values**exponent) @ vectors.mT
    return power
