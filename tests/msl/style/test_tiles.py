import pytest
import torch
from tolerances import SINGLE
from torch import nn
from torch.nn import functional as fn

from msl.style.tiles import in_tiles


@pytest.mark.parametrize("tile", [1, 3, 4, 100])
def test_local_operations_are_the_same_in_pieces(tile, rng):
    image = torch.randn(2, 3, 13, 22, generator=rng)

    def blur(x):
        return fn.avg_pool2d(fn.pad(x, (2, 2, 2, 2), mode="reflect"), 5, stride=1)

    torch.testing.assert_close(in_tiles(blur, image, tile=tile, halo=2), blur(image), **SINGLE)


def test_coarser_and_finer_results(rng):
    image = torch.randn(1, 3, 13, 22, generator=rng)
    pool, grow = nn.MaxPool2d(2, ceil_mode=True), nn.Upsample(scale_factor=2)
    pooled = in_tiles(pool, image, tile=3, halo=1, read=2)
    assert torch.equal(pooled, pool(image))
    assert torch.equal(in_tiles(grow, pooled, tile=3, halo=1, write=2), grow(pooled))


def test_no_piece_is_larger_than_tile_and_halo(rng):
    seen = []
    image = torch.randn(1, 3, 50, 70, generator=rng)
    in_tiles(lambda x: seen.append(tuple(x.shape[2:])) or x, image, tile=16, halo=4)
    assert (max(h for h, _ in seen), max(w for _, w in seen)) == (24, 24)
    assert len(seen) == 4 * 5
