"""The criteria of a network on images: the same for any number of processes, and nothing else changes."""

import copy

import data_factory as factory
import pytest
import torch
from tiny import varied_model

from msl.data import open_domain
from msl.scoring.criteria import criteria
from msl.scoring.unlabelled import UnlabelledImages


@pytest.fixture
def domain(tmp_path):
    return open_domain("camvid", factory.camvid(tmp_path), "train")


def images(domain, **changes):
    return UnlabelledImages(**{"domain": domain, "size": (24, 16), "count": 32, **changes})


def test_labels_random_state_and_network_stay_as_they_are(domain):
    model = varied_model(11).train()
    before, random = copy.deepcopy(model.state_dict()), torch.get_rng_state()
    for pair in domain.samples.pairs:
        pair.label.unlink()
    values = criteria(model, images(domain))
    assert model.training
    assert torch.equal(torch.get_rng_state(), random)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert set(values) == {f"target/criteria/{name}" for name in ("entropy", "information", "SND", "MixVal", "drift")}
    assert 0 <= values["target/criteria/MixVal"] <= 100
    assert values["target/criteria/drift"] > 0
    assert criteria(model, images(domain, num_workers=2)) == values
    assert criteria(model, images(domain)) == values


@torch.no_grad()
def test_they_are_those_of_a_plain_loop(domain):
    model = varied_model(11).eval()
    loaded = list(images(domain))
    probs = [model.coarse(image[None]).main.softmax(1) for image in loaded]
    values = criteria(model, images(domain))
    pixels = torch.cat([prob.double().flatten(2) for prob in probs], dim=2)[0]
    entropy = -(pixels * pixels.log()).sum(0).mean()
    assert values["target/criteria/entropy"] == pytest.approx(float(entropy), rel=1e-5)
    shares = pixels.mean(1)
    information = float(-(shares * shares.log()).sum() - entropy)
    assert values["target/criteria/information"] == pytest.approx(information, rel=1e-5)
    same = []
    for k, image in enumerate(loaded):
        other = loaded[(k + 1) % len(loaded)]
        mixture = (0.55 * image.float() + 0.45 * other.float())[None] / 255
        same.append((model.coarse(mixture).main.argmax(1) == probs[k].argmax(1)).float().mean())
    assert values["target/criteria/MixVal"] == pytest.approx(float(100 * torch.stack(same).mean()), rel=1e-5)


def test_one_image_cannot_be_mixed(domain):
    assert "target/criteria/MixVal" not in criteria(varied_model(11), images(domain, count=1))
