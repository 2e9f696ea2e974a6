import numpy as np
import pytest
import torch

from msl.numerics.moments import PooledMoments


def test_parts_of_any_size_give_the_moments_of_the_whole(rng):
    values = 1000 + torch.randn(6, 3, 5, 7, generator=rng)
    pooled = PooledMoments()
    for part in (values[:1], values[1:5], values[5:]):
        pooled.add(part)
    whole = values.double().transpose(0, 1).reshape(3, -1).numpy()
    assert pooled.count == whole.shape[1]
    assert pooled.mean.numpy() == pytest.approx(whole.mean(1), rel=1e-7)
    assert pooled.variance().numpy() == pytest.approx(whole.var(1), rel=1e-5)
    assert pooled.variance(correction=1).numpy() == pytest.approx(np.var(whole, axis=1, ddof=1), rel=1e-5)


def test_vectors_and_single_values():
    pooled = PooledMoments()
    pooled.add(torch.tensor([[1.0, 2.0]]))
    assert (pooled.mean.tolist(), pooled.variance(1).tolist()) == ([1.0, 2.0], [0.0, 0.0])
    pooled.add(torch.tensor([[3.0, 2.0]]))
    assert (pooled.mean.tolist(), pooled.variance(1).tolist()) == ([2.0, 2.0], [2.0, 0.0])
