import copy

import data_factory as factory
import pytest
import torch
from tiny import varied_model

from msl.data import open_domain
from msl.models.batch_norm import batch_norms
from msl.scoring.recalibration import Recalibration, reestimate
from msl.scoring.unlabelled import UnlabelledImages


@pytest.fixture
def images(tmp_path):
    domain = open_domain("camvid", factory.camvid(tmp_path), "train")
    return UnlabelledImages(domain=domain, size=(24, 16), count=200)


@torch.no_grad()
def test_statistics_are_those_of_training_mode_over_all_images(images):
    """With one batch, PyTorch's own training mode gives the same: momentum 1 keeps the batch's statistics."""
    model = varied_model(11)
    reference = copy.deepcopy(model)
    for norm in batch_norms(reference):
        norm.momentum = 1.0
        norm.train()
    reference.coarse(torch.stack(list(images)))
    reestimate(model, images)
    for norm, expected in zip(batch_norms(model), batch_norms(reference), strict=True):
        torch.testing.assert_close(norm.running_mean, expected.running_mean, rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(norm.running_var, expected.running_var, rtol=1e-4, atol=1e-5)


def test_the_first_layers_statistics_are_exact_over_several_batches(images, monkeypatch):
    monkeypatch.setattr("msl.scoring.recalibration._BATCH_IMAGES", 2)
    model, inputs = varied_model(11), []
    first = next(batch_norms(model))
    handle = first.register_forward_pre_hook(lambda _, values: inputs.append(values[0].double()))
    reestimate(model, images)
    handle.remove()
    assert len(inputs) > 1
    pixels = torch.cat([batch.transpose(0, 1).flatten(1) for batch in inputs], dim=1)
    torch.testing.assert_close(first.running_mean.double(), pixels.mean(1), rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(first.running_var.double(), pixels.var(1), rtol=1e-5, atol=1e-6)


def test_neither_the_old_statistics_nor_the_number_of_processes_matter(images):
    model, other = varied_model(11), varied_model(11)
    for norm in batch_norms(other):
        norm.running_mean.fill_(3.0)
    reestimate(model, images)
    reestimate(other, UnlabelledImages(domain=images.domain, size=(24, 16), count=200, num_workers=2))
    assert all(torch.equal(a, b) for a, b in zip(model.state_dict().values(), other.state_dict().values(), strict=True))


def test_afterwards_the_network_and_the_random_state_are_as_before(images):
    model = varied_model(11).train()
    before, random = copy.deepcopy(model.state_dict()), torch.get_rng_state()
    recalibration = Recalibration(images)
    with pytest.raises(ZeroDivisionError), recalibration.applied(model, step=4):
        inside = next(batch_norms(model)).running_mean.clone()
        _ = 1 / 0
    assert model.training
    assert torch.equal(torch.get_rng_state(), random)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert not torch.equal(inside, next(batch_norms(model)).running_mean)
    with recalibration.applied(model, step=4):  # once estimated, they serve again
        assert torch.equal(next(batch_norms(model)).running_mean, inside)


def test_images_are_spread_over_the_domain_and_labels_stay_closed(images, tmp_path):
    total = len(images.domain)
    few = UnlabelledImages(domain=images.domain, size=(24, 16), count=2)
    assert few.indices == (0, total // 2)
    assert images.indices == tuple(range(total))
    assert torch.cat(list(images.batches(2))).shape[0] == total
    assert not images.domain.labelled
