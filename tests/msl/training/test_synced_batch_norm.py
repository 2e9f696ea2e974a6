"""BatchNorm over several processes is BatchNorm over all their images."""

import pytest
import torch
from teams import in_processes
from tolerances import DOUBLE
from torch import nn

from msl.errors import ConfigError
from msl.training.distributed.batch_norm import SyncedBatchNorm, sync_batch_norms
from msl.world import World

IMAGES = 5
SUMS = {"rtol": 1e-9, "atol": 1e-11}  # of large terms that nearly cancel each other


def network():
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(3, 4, 3, bias=False), nn.BatchNorm2d(4), nn.ReLU(), nn.BatchNorm2d(4, affine=False)
    ).double()
    nn.init.normal_(model[1].weight, 1)
    return model


def step(model, part=slice(None)):
    """Two backward passes, as of two terms; the loss of an image does not depend on its normalisation alone."""
    generator = torch.Generator().manual_seed(1)
    images = torch.randn(IMAGES, 3, 6, 7, generator=generator, dtype=torch.float64)
    for k in range(2):
        (model(images[part] + k) * images[part, :1, 2:, 2:]).pow(3).sum().backward()
    return [parameter.grad for parameter in model.parameters()], dict(model.named_buffers())


def test_gradients_and_running_statistics_are_those_of_the_global_batch():
    def work(rank):
        model = network()
        sync_batch_norms(model)
        return step(model, World(rank, 2).share(IMAGES))

    shares = in_processes(2, work)
    gradients, buffers = step(network())
    for k, gradient in enumerate(gradients):
        torch.testing.assert_close(shares[0][0][k] + shares[1][0][k], gradient, **SUMS)
    for _, synced in shares:
        for name, value in buffers.items():
            torch.testing.assert_close(synced[name], value, **DOUBLE)


def test_alone_or_frozen_it_is_batch_norm_to_the_bit():
    plain, synced = network(), network()
    sync_batch_norms(synced)
    assert isinstance(synced[1], SyncedBatchNorm)
    assert synced.state_dict().keys() == plain.state_dict().keys()
    images = torch.randn(2, 3, 6, 7, dtype=torch.float64)
    assert torch.equal(synced(images), plain(images))
    assert torch.equal(synced.eval()(images), plain.eval()(images))


def test_a_batch_norm_that_does_more_is_refused():
    class Activated(nn.BatchNorm2d):
        pass

    with pytest.raises(ConfigError, match="Activated"):
        sync_batch_norms(nn.Sequential(Activated(3)))
