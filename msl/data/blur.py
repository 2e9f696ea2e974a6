"""Gaussian blur of images: the bits of torchvision's, in a fraction of its time on a CPU.

torchvision convolves with all 49 weights. Here a row and a column of weights follow each other, in bands that fit the
processor's cache. The two sums differ in their rounding, so values that are nearly half way between two grey levels are
computed again as torchvision does.
"""

import torch
from torch import Tensor
from torch.nn import functional as fn
from torchvision import tv_tensors
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional as tvf

KERNEL = 7  # pixels; covers ±3 σ of the widest blur
_REACH = KERNEL // 2
_BAND_VALUES = 2**17  # float32 values of a band
_ERROR = 1.5e-3  # grey levels; both sums together have 63 roundings of values up to 255, and what is left out
_LEFT_OUT = 5e-4 / 255  # share of the weights that may be left out


class Blur(v2.Transform):
    """Blur an image (3, H, W) uint8; the sigma is drawn as v2.GaussianBlur draws it."""

    def __init__(self, sigma: tuple[float, float]) -> None:
        """Set it up; `sigma` is the smallest and the largest, in pixels."""
        super().__init__()
        self._sigma = sigma

    def make_params(self, flat_inputs: list[Tensor]) -> dict[str, float]:
        """The sigma."""
        return {"sigma": torch.empty(1).uniform_(*self._sigma).item()}

    def transform(self, inpt: Tensor, params: dict[str, float]) -> Tensor:
        """Blur an image; a label stays as it is."""
        if not isinstance(inpt, tv_tensors.Image):
            return inpt
        wrapped: Tensor = tv_tensors.wrap(gaussian_blur(inpt.as_subclass(Tensor), params["sigma"]), like=inpt)
        return wrapped


def gaussian_blur(image: Tensor, sigma: float) -> Tensor:
    """An image (3, H, W) uint8, blurred as torchvision does: equal to the last bit, in the same memory layout."""
    if min(image.shape[-2:]) <= _REACH or image.device.type != "cpu":
        plain: Tensor = tvf.gaussian_blur_image(image, [KERNEL, KERNEL], [sigma, sigma])
        return plain
    weights = _weights(sigma)
    reach = next(r for r in range(_REACH + 1) if float(weights[: _REACH - r].sum()) * 4 <= _LEFT_OUT)
    padded = fn.pad(image, [_REACH] * 4, mode="reflect")  # (3, H + 6, W + 6)
    blurred = torch.empty_like(image, memory_format=torch.contiguous_format)
    doubtful = []
    rows = max(1, _BAND_VALUES // padded.shape[-1])
    for channel, plane in enumerate(padded):
        for top in range(0, image.shape[1], rows):
            band = plane[top : top + rows + 2 * _REACH]
            out = blurred[channel, top : top + rows]
            doubtful.append(_blur_band(band, weights.tolist(), reach, out) + torch.tensor([channel, top, 0]))
    _compute_again(padded, blurred, torch.cat(doubtful), weights)
    return blurred


def _blur_band(band: Tensor, weights: list[float], reach: int, out: Tensor) -> Tensor:
    """Blur rows of a plane (h + 6, W + 6) into `out` (h, W); gives (0, y, x) of the values in doubt."""
    down = _blur_lines(band.float(), weights, reach, 0, out.shape[0])  # (h, W + 6)
    across = _blur_lines(down, weights, reach, 1, out.shape[1])  # (h, W)
    rounded = across.round()
    out.copy_(rounded)
    places = (across.sub_(rounded).abs_() > 0.5 - _ERROR).nonzero()  # (K, 2)
    return fn.pad(places, [1, 0])  # (K, 3)


def _blur_lines(values: Tensor, weights: list[float], reach: int, dim: int, length: int) -> Tensor:
    """The sums along one dimension, which becomes `length` long; the weights are symmetric."""
    sums = values.narrow(dim, _REACH, length) * weights[_REACH]
    for k in range(1, reach + 1):
        both = values.narrow(dim, _REACH - k, length) + values.narrow(dim, _REACH + k, length)
        sums.add_(both, alpha=weights[_REACH + k])
    return sums


def _compute_again(padded: Tensor, blurred: Tensor, places: Tensor, weights: Tensor) -> None:
    """Compute values (channel, y, x) as torchvision does."""
    if not len(places):
        return
    channel, y, x = places.T
    offsets = (torch.arange(KERNEL)[:, None] * padded.shape[2] + torch.arange(KERNEL)).reshape(-1)
    starts = channel * padded.shape[1] * padded.shape[2] + y * padded.shape[2] + x
    patches = padded.reshape(-1)[starts[:, None] + offsets].float()  # (K, 49)
    patches = fn.pad(patches, [0, 0, 0, -len(patches) % 3]).view(-1, 3, KERNEL, KERNEL)
    kernel = (weights[:, None] * weights).expand(3, 1, KERNEL, KERNEL)
    again = fn.conv2d(patches, kernel, groups=3).reshape(-1)[: len(places)]
    blurred[channel, y, x] = again.round_().to(torch.uint8)


def _weights(sigma: float) -> Tensor:
    """Torchvision's weights of a row, as it computes them."""
    end = (KERNEL - 1) / (2.0 * 2.0**0.5)
    places = torch.linspace(-end, end, KERNEL)
    return torch.softmax(places.div(sigma).pow(2).neg(), dim=0)
