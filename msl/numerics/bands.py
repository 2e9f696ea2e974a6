"""Arithmetic of (N, C, H, W) tensors pixel by pixel, a band of rows at a time.

At 1280×640 and 19 classes such a tensor has 62 MB, and on a CPU fetching the memory for one takes longer than the
arithmetic on it. The results of one band stay in the cache.
"""

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from msl.numerics import ranks
from msl.numerics.precision import at_least_single

_BAND = 2**19  # elements, 2 MB in single precision; a GPU takes all rows at once

PixelFunction = Callable[..., Tensor]


def by_bands(function: PixelFunction, *tensors: Tensor) -> Tensor:
    """`function` of tensors (N, C, H, W) or (N, H, W), computed on bands of their rows; gives a map (N, H, W)."""
    return torch.cat([function(*band) for band in _bands(*tensors)], dim=1)


def per_pixel(value: PixelFunction, slope: PixelFunction, x: Tensor, *maps: Tensor) -> Tensor:
    """A differentiable map (N, H, W) whose forward and backward hold no temporary of x's size.

    Args:
        value: x (N, C, H, W) and maps (N, H, W) to (N, H, W), each pixel by itself.
        slope: the same arguments to the derivative of `value` by x (N, C, H, W).
        x: the tensor for the derivative; half precision is computed in single precision, a band at a time.
        maps: the further arguments of `value` and `slope`.
    """
    result: Tensor = _PerPixel.apply(value, slope, x, *maps)
    return result


def most_probable(prob: Tensor) -> Tensor:
    """`prob.argmax(dim=1)`, several times as fast: (N, C, H, W) to (N, H, W) long. The first of equal classes wins."""
    classes = torch.arange(prob.shape[1], dtype=torch.uint8, device=prob.device).view(-1, 1, 1)
    is_smaller = prob < prob.amax(dim=1, keepdim=True)
    return is_smaller.view(torch.uint8).mul_(255).bitwise_or_(classes).amin(dim=1).long()


def mean_over_pixels(value: Tensor, valid: Tensor | None) -> Tensor:
    """Mean of an (N, H, W) map over its valid pixels; 0 where there is none.

    If several processes train together, the mean of their results is the mean over the valid pixels of all.
    """
    if valid is None:
        return ranks.mean(value)
    return value.masked_fill(~valid, 0).sum() / ranks.mean_count(valid.sum(), value)


def _bands(*tensors: Tensor) -> Iterator[tuple[Tensor, ...]]:
    largest = max(tensors, key=Tensor.numel)
    height = largest.shape[-2]
    rows = max(1, _BAND * height // max(1, largest.numel())) if largest.device.type == "cpu" else height
    return zip(*(tensor.split(rows, dim=-2) for tensor in tensors), strict=True)


class _PerPixel(Function):
    @staticmethod
    def forward(ctx: Any, value: PixelFunction, slope: PixelFunction, x: Tensor, *maps: Tensor) -> Tensor:
        ctx.slope = slope
        ctx.save_for_backward(x, *maps)
        return by_bands(lambda band, *map_bands: value(at_least_single(band), *map_bands), x, *maps)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        x, *maps = ctx.saved_tensors
        out = torch.empty_like(x)
        for out_band, grad_band, band, *map_bands in _bands(out, grad, x, *maps):
            torch.mul(ctx.slope(at_least_single(band), *map_bands), grad_band.unsqueeze(1), out=out_band)
        return (None, None, out, *(None for _ in maps))
