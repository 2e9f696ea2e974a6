"""Panels of content images in several styles."""

from collections.abc import Sequence

import torch
from PIL import Image
from torch import Tensor

from msl.style.network import StyleTransfer
from msl.style.pixels import to_uint8

_CELL = 240  # width of one picture in pixels
_GAP = 4  # pixels
_PAPER = (255, 255, 255)


@torch.no_grad()
def style_panel(transfer: StyleTransfer, contents: Sequence[Tensor], styles: Sequence[Tensor]) -> Image.Image:
    """The style images on top; below them each content image, unchanged and in each of the styles.

    Args:
        transfer: on its device.
        contents: (3, H, W) uint8 RGB, in any sizes.
        styles: (3, h, w) uint8 RGB, in any sizes.
    """
    device = next(transfer.parameters()).device
    statistics = [transfer.prepare([style.to(device)]) for style in styles]
    rows = [[None, *map(_picture, styles)]]
    for content in contents:
        styled = [to_uint8(transfer(content[None].to(device), style))[0].cpu() for style in statistics]
        rows.append([_picture(content), *map(_picture, styled)])
    return grid(rows)


def grid(rows: Sequence[Sequence[Image.Image | None]]) -> Image.Image:
    """Pictures in rows and columns, each scaled to one width; None leaves a cell empty."""
    scaled = [
        [None if p is None else p.resize((_CELL, round(_CELL * p.height / p.width))) for p in row] for row in rows
    ]
    heights = [max(p.height for p in row if p is not None) for row in scaled]
    width = max(map(len, rows)) * (_CELL + _GAP) - _GAP
    out = Image.new("RGB", (width, sum(heights) + _GAP * (len(rows) - 1)), _PAPER)
    top = 0
    for row, height in zip(scaled, heights, strict=True):
        for column, picture in enumerate(row):
            if picture is not None:
                out.paste(picture, (column * (_CELL + _GAP), top + height - picture.height))
        top += height + _GAP
    return out


def _picture(image: Tensor) -> Image.Image:
    return Image.fromarray(image.permute(1, 2, 0).numpy())
