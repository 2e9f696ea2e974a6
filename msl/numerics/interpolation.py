"""Enlarging maps of logits, whole or a band of rows at a time."""

import torch
from torch import Tensor
from torch.nn import functional as fn


def upsample(logits: Tensor, size: tuple[int, int]) -> Tensor:
    """Logits (N, C, h, w) to (N, C, *size), bilinear with aligned corners as the published networks do it."""
    return fn.interpolate(logits, size, mode="bilinear", align_corners=True)


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
