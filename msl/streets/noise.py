"""Tiles of noise, computed once; textures, clouds and a sensor's grain are read from them."""

from functools import cache

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]

_BITS = 8
TILE = 1 << _BITS  # side of a tile, in cells


@cache
def noise(exponent: float, seed: int) -> Floats:
    """A periodic tile of noise, 256·256 values in rows, mean 0, deviation 1; amplitude falls as frequency^-exponent."""
    rng = np.random.default_rng(seed)
    fy, fx = np.fft.fftfreq(TILE)[:, None], np.fft.fftfreq(TILE)[None, :]
    frequency = np.hypot(fx, fy)
    frequency[0, 0] = np.inf
    tile = np.fft.ifft2(np.fft.fft2(rng.standard_normal((TILE, TILE))) / frequency**exponent).real
    scaled: Floats = np.clip(tile / tile.std(), -2.5, 2.5).astype(np.float32)
    return scaled.reshape(-1)


def sample(tile: Floats, s: Floats, t: Floats) -> Floats:
    """A tile's values at positions counted in its cells."""
    cells = (s.astype(np.int32) & (TILE - 1)) << _BITS | (t.astype(np.int32) & (TILE - 1))
    values: Floats = tile.take(cells)
    return values
