"""Functions of large images, computed piece by piece, without seams."""

from collections.abc import Callable

import torch
from torch import Tensor


def in_tiles(
    call: Callable[[Tensor], Tensor], x: Tensor, *, tile: int, halo: int, read: int = 1, write: int = 1
) -> Tensor:
    """`call(x)`, computed on pieces that overlap so far that their borders do not matter; in the memory of one piece.

    The plane is cut into cells: a cell is the pixels that belong to one element of the coarser side.

    Args:
        call: a chain of local operations.
        x: (N, C, H, W).
        tile: side of a piece in cells.
        halo: cells around a piece with which it is computed.
        read: side of a cell in pixels of `x`.
        write: side of a cell in pixels of the result.
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
