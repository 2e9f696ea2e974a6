"""Mean and variance of each channel over more values than fit into memory."""

import torch
from torch import Tensor

from msl.numerics.precision import at_least_single


class PooledMoments:
    """The mean and the variance of each channel over all values that were added, as if they were in one tensor.

    Parts are joined in double precision (Chan, Golub and LeVeque, *Updating Formulae and a Pairwise Algorithm for
    Computing Sample Variances*, 1979), so their sizes and their order change only the last digits.
    """

    def __init__(self) -> None:
        self.count = 0  # of values in each channel
        self._mean = torch.zeros(())
        self._squares = torch.zeros(())  # sum of squared distances to the mean

    def add(self, features: Tensor) -> None:
        """Add feature maps (N, C, …)."""
        pixels = at_least_single(features.detach()).flatten(2) if features.ndim > 2 else features.detach()[..., None]
        variances, means = (part.double() for part in torch.var_mean(pixels, dim=2, correction=0))  # (N, C)
        mean = means.mean(dim=0)
        squares = pixels.shape[2] * (variances + (means - mean).square()).sum(dim=0)
        self._join(pixels.shape[0] * pixels.shape[2], mean, squares)

    def join(self, other: "PooledMoments") -> None:
        """Add everything that another one has."""
        self._join(other.count, other._mean, other._squares)

    def _join(self, count: int, mean: Tensor, squares: Tensor) -> None:
        if not self.count:
            self.count, self._mean, self._squares = count, mean, squares
            return
        total, distance = self.count + count, mean - self._mean
        self._mean = self._mean + distance * (count / total)
        self._squares = self._squares + squares + distance.square() * (self.count * count / total)
        self.count = total

    @property
    def mean(self) -> Tensor:
        """Mean of each channel (C,), float64."""
        return self._mean

    def variance(self, correction: int = 0) -> Tensor:
        """Variance of each channel (C,), float64; with `correction` 1 the unbiased one, which BatchNorm stores."""
        return self._squares / max(1, self.count - correction)
