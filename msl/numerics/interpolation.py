"""Enlarging maps of logits, whole or a band of rows at a time."""

from functools import lru_cache

import torch
from torch import Tensor
from torch.nn import functional as fn

from msl.numerics.determinism import deterministic
from msl.numerics.precision import at_least_single


def upsample(logits: Tensor, size: tuple[int, int]) -> Tensor:
    """Logits (N, C, h, w) to (N, C, *size), bilinear with aligned corners as the published networks do it.

    On a GPU, torch's own backward pass adds in any order (https://github.com/pytorch/pytorch/issues/17350). Where that
    must not be, two matrix products take its place.
    """
    if logits.device.type != "cpu" and torch.are_deterministic_algorithms_enabled():
        return _repeatable(logits, size)
    return fn.interpolate(logits, size, mode="bilinear", align_corners=True)


def _repeatable(logits: Tensor, size: tuple[int, int]) -> Tensor:
    if logits.requires_grad:
        return upsample_by_matrices(logits, size)
    with deterministic(False):  # the forward pass repeats, and torch would take a slow form of it
        return fn.interpolate(logits, size, mode="bilinear", align_corners=True)


def upsample_by_matrices(logits: Tensor, size: tuple[int, int]) -> Tensor:
    """What `upsample` gives, up to rounding: one matrix product for the rows, one for the columns.

    Half precision is computed in single precision, as torch's own interpolation does it.
    """
    height, width = size
    with torch.autocast(logits.device.type, enabled=False):
        coarse = at_least_single(logits)
        rows = _weights(coarse.shape[2], height, coarse.dtype, coarse.device)
        columns = _weights(coarse.shape[3], width, coarse.dtype, coarse.device)
        fine = rows @ coarse @ columns.mT  # (N, C, H, w), then (N, C, H, W)
    return fine.to(logits.dtype)


def upsample_rows(logits: Tensor, size: tuple[int, int], rows: range) -> Tensor:
    """These rows (N, C, rows, W) of `upsample(logits, size)`: exact if they are all rows, otherwise up to rounding.

    Interpolation is separable: the rows are computed first, at the coarse width, and then widened.
    """
    height, width = size
    if len(rows) == height:
        return upsample(logits, size)
    last = logits.shape[2] - 1
    scale = torch.tensor(float(last)) / (height - 1)
    position = torch.arange(rows.start, rows.stop, device=logits.device) * scale  # in float32, as torch does
    upper = position.long()  # the coarse row above each row
    share = (position - upper)[:, None]
    narrow = torch.lerp(logits[:, :, upper], logits[:, :, (upper + 1).clamp(max=last)], share)  # (N, C, rows, w)
    return upsample(narrow, (len(rows), width))  # (N, C, rows, W)


@lru_cache(maxsize=64)
@torch.inference_mode(False)  # the backward pass reads them, and a tensor of inference mode cannot be read there
def _weights(coarse: int, fine: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    """The share of each coarse row in each fine row: (fine, coarse), made on the CPU for every device alike."""
    scale = torch.tensor(max(coarse - 1, 0), dtype=dtype) / max(fine - 1, 1)
    position = torch.arange(fine, dtype=dtype) * scale
    upper = position.long().clamp(max=coarse - 1)
    share = position - upper
    row = torch.arange(fine)
    weights = torch.zeros(fine, coarse, dtype=dtype)
    weights[row, upper] += 1 - share
    weights[row, (upper + 1).clamp(max=coarse - 1)] += share
    return weights.to(device)
