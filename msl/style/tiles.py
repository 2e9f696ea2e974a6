"""Large images piece by piece, without seams."""

from collections.abc import Callable

import torch
from torch import Tensor


def in_tiles(
    call: Callable[[Tensor], Tensor], x: Tensor, *, tile: int, halo: int, read: int = 1, write: int = 1
) -> Tensor:
    """`call(x)`, computed on pieces that overlap by more than `call` looks around; memory is that of one piece.

    The plane is cut into cells, the pixels that share one element of the coarser side.

    Args:
        call: a chain of local operations; what it does at an image's border, it does there only.
        x: (N, C, H, W).
        tile: cells a side of a piece.
        halo: cells around it that it is computed with.
        read: pixels of `x` to a cell, each way.
        write: pixels of the result to a cell, each way.
    """
    height, width = (-(-length // read) for length in x.shape[2:])
    rows = []
    for top in range(0, height, tile):
        row = []
        for left in range(0, width, tile):
            first_y, first_x = max(top - halo, 0), max(left - halo, 0)
            piece = x[:, :, first_y * read : (top + tile + halo) * read, first_x * read : (left + tile + halo) * read]
            y, x0 = (top - first_y) * write, (left - first_x) * write
            row.append(call(piece)[:, :, y : y + tile * write, x0 : x0 + tile * write])
        rows.append(torch.cat(row, dim=3))
    return torch.cat(rows, dim=2)
