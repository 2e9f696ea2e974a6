import pytest
import torch
import torchvision.models as zoo
from conftest import REPOSITORY
from tolerances import SINGLE
from torch import nn
from torch.nn import functional as fn
from torchvision.models.vgg import make_layers

from msl.errors import CheckpointError
from msl.style import VGG, load_encoder, normalise

VGG16 = [4, 4, "M", 6, 6, "M", 8, 8, 8, "M", 10, 10, "M"]
VGG19 = [4, 4, "M", 6, 6, "M", 8, 8, 8, 8, "M", 10, 10, "M"]
PORTED = {0: 0, 2: 0, 5: 2, 9: 5, 12: 7, 16: 10, 19: 12, 22: 14, 25: 16, 29: 19}  # its layers to torchvision's
MEAN, STD = (torch.tensor(v).view(3, 1, 1) for v in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))


def torchvisions(config, **options) -> nn.Sequential:
    """torchvision's own layers, padded by reflection."""
    torch.manual_seed(0)
    layers = make_layers(config, **options)
    for layer in layers:
        if isinstance(layer, nn.Conv2d):
            layer.padding_mode, layer._reversed_padding_repeated_twice = "reflect", [1, 1, 1, 1]
    return layers


def saved(tmp_path, state):
    torch.save(state, tmp_path / "vgg.pth")
    return str(tmp_path / "vgg.pth")


def named(layers):
    return {f"features.{name}": value for name, value in layers.state_dict().items()}


@pytest.mark.parametrize(("config", "taps"), [(VGG16, (1, 6, 11, 18)), (VGG19, (1, 6, 11, 20))])
@torch.no_grad()
def test_a_file_by_torchvisions_names_computes_what_torchvision_does(tmp_path, rng, config, taps):
    layers = torchvisions(config)
    classifier = {"classifier.0.weight": torch.zeros(2, 3)}
    encoder = load_encoder(saved(tmp_path, {"state_dict": named(layers) | classifier}))
    image = torch.rand(2, 3, 32, 48, generator=rng)
    x, expected = (image - MEAN) / STD, []
    for number, layer in enumerate(layers):
        x = layer(x)
        if number in taps:
            expected.append(x)
    levels = encoder.levels(image)
    assert [level.shape[1:] for level in levels] == [(4, 32, 48), (6, 16, 24), (8, 8, 12), (10, 4, 6)]
    for level, expected_level in zip(levels, expected, strict=True):
        torch.testing.assert_close(level, expected_level, rtol=1e-4, atol=1e-5)
    assert torch.equal(encoder(image), levels[-1])


@torch.no_grad()
def test_the_ports_file_brings_its_colour_convolution(tmp_path, rng):
    layers, colour = torchvisions(VGG19), nn.Conv2d(3, 3, 1)
    state = {f"0.{k}": v for k, v in colour.state_dict().items()}
    for port, layer in list(PORTED.items())[1:]:
        state |= {f"{port}.{part}": layers.state_dict()[f"{layer}.{part}"] for part in ("weight", "bias")}
    state |= {f"32.{part}": torch.zeros(1) for part in ("weight", "bias")}  # relu4_2 and further
    encoder = load_encoder(saved(tmp_path, state))
    image = torch.rand(1, 3, 32, 48, generator=rng)
    torch.testing.assert_close(encoder(image), layers[:21](colour(image)), **SINGLE)


@torch.no_grad()
def test_pooling_rounds_up_so_that_no_row_is_lost(encoder, rng):
    image = torch.rand(1, 3, 21, 27, generator=rng)
    assert [tuple(level.shape[2:]) for level in encoder.levels(image)] == [(21, 27), (11, 14), (6, 7), (3, 4)]
    other = image.clone()
    other[:, :, -1, -1] += 0.5
    assert not torch.equal(encoder(other)[:, :, -1, -1], encoder(image)[:, :, -1, -1])


def test_frozen_but_not_for_the_image(encoder, rng):
    image = torch.rand(1, 3, 16, 16, generator=rng, requires_grad=True)
    encoder.train()
    assert not any(module.training for module in encoder.modules())
    encoder(image).sum().backward()
    assert image.grad.abs().sum() > 0
    assert not any(weight.requires_grad for weight in encoder.parameters())


def test_an_encoders_own_weights_load_with_their_colours(tmp_path, encoder):
    loaded = load_encoder(saved(tmp_path, encoder.state_dict()))
    assert loaded.vgg == encoder.vgg
    assert all(torch.equal(a, b) for a, b in zip(loaded.parameters(), encoder.parameters(), strict=True))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: s.pop("features.12.weight"), r"vgg.pth does not fit .*1 missing \(features.12.weight"),
        (lambda s: s.update({"features.3.weight": torch.zeros(1)}), r"1 unexpected \(features.3.weight"),
        (lambda s: s.update({"features.7.weight": torch.zeros(6, 5, 3, 3)}), r"another shape \(features.7.weight"),
        (lambda s: s.clear(), r"16 missing .*torchvision's names \(features.0.weight, …\) or vgg_normalised.pth"),
    ],
)
def test_what_does_not_fit_is_refused(tmp_path, change, message):
    state = named(torchvisions(VGG19))
    change(state)
    with pytest.raises(CheckpointError, match=message):
        load_encoder(saved(tmp_path, state))


def test_files_that_are_no_encoder(tmp_path):
    with pytest.raises(CheckpointError, match="unexpected"):
        load_encoder(saved(tmp_path, named(torchvisions(VGG19, batch_norm=True))))
    with pytest.raises(CheckpointError, match="cannot be read"):
        load_encoder(str(REPOSITORY / "LICENSE"))
    with pytest.raises(CheckpointError, match="nowhere.pth: no such file. Pass imagenet or a file"):
        load_encoder("nowhere.pth")


def test_imagenet_is_torchvisions_vgg19(tmp_path, monkeypatch, rng):
    layers = torchvisions(VGG19)
    file = zoo.VGG19_Weights.IMAGENET1K_V1.url.rpartition("/")[2]
    (tmp_path / "hub/checkpoints").mkdir(parents=True)
    torch.save(named(layers), tmp_path / "hub/checkpoints" / file)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    image = torch.rand(1, 3, 16, 16, generator=rng)
    expected = layers[:21]((image - MEAN) / STD)
    torch.testing.assert_close(load_encoder("imagenet")(image), expected, rtol=1e-4, atol=1e-5)


@torch.no_grad()
def test_the_real_file(real_data, real_encoder, rng):
    """Against its convolutions, applied one by one."""
    assert real_encoder.vgg == VGG(depths=(2, 2, 3, 1))
    state = torch.load(real_data / "weights" / "vgg16_features_relu4_1.pth", weights_only=True)
    image = torch.rand(1, 3, 40, 56, generator=rng)
    x = (image - MEAN) / STD
    for number in (0, 2, 5, 7, 10, 12, 14, 17):
        if number in (5, 10, 17):
            x = fn.max_pool2d(x, 2)
        padded = fn.pad(x, (1, 1, 1, 1), mode="reflect")
        x = fn.conv2d(padded, state[f"features.{number}.weight"], state[f"features.{number}.bias"]).relu()
    torch.testing.assert_close(real_encoder(image), x, rtol=1e-4, atol=1e-4 * x.max().item())


@torch.no_grad()
def test_a_normalised_encoder_sees_the_same_in_other_units(encoder, rng):
    image = torch.rand(3, 3, 40, 56, generator=rng)
    before = encoder.levels(image)
    normalise(encoder, image)
    for old, new in zip(before, encoder.levels(image), strict=True):
        mean = old.mean(dim=(0, 2, 3), keepdim=True)
        least = 0.1 * mean.mean()
        torch.testing.assert_close(new, old / mean.clamp(min=least), rtol=1e-4, atol=1e-5)
        alike = new.mean(dim=(0, 2, 3))[mean.flatten() > least]
        torch.testing.assert_close(alike, torch.ones_like(alike))
