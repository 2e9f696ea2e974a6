"""The network, and what the report's author learnt the hard way: `overflow`, `several styles`, `any size`."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from PIL import Image
from tolerances import SINGLE
from torch import nn
from torch.nn import functional as fn

from msl.errors import CheckpointError
from msl.losses import content_loss, style_loss
from msl.style import Decoder, StyleTransfer, adain, load_decoder, mirror_encoder, to_uint8

from .conftest import TINY, filled, images

PORTS = (1, 5, 8, 11, 14, 18, 21, 25, 28)  # the convolutions in the published decoder.pth


@torch.no_grad()
def test_overflow_never_reaches_a_styled_image(transfer, tmp_path):
    content, styles = images(0), images(1, count=2)
    raw = transfer.decode(transfer.encode(content), (24, 40))
    assert raw.min() < -0.1  # else this test would show nothing
    assert raw.max() > 1.1
    styled = transfer(content, styles)
    assert 0 <= styled.min() < 0.01
    assert 0.99 < styled.max() <= 1
    Image.fromarray(to_uint8(styled[0]).permute(1, 2, 0).numpy()).save(tmp_path / "styled.png")
    read = torch.from_numpy(np.array(Image.open(tmp_path / "styled.png"))).permute(2, 0, 1)
    torch.testing.assert_close(read / 255, styled[0], rtol=0, atol=0.5 / 255 + 1e-6)


@torch.no_grad()
def test_several_styles_are_averaged_not_summed(transfer):
    content, styles = images(0), images(1, count=4)
    one = transfer(content, styles[:1])
    torch.testing.assert_close(transfer(content, styles[:1].expand(4, -1, -1, -1)), one, **SINGLE)
    torch.testing.assert_close(transfer(content, styles, weights=[1, 0, 0, 0]), one, **SINGLE)
    features = transfer.encode(content)
    mean = torch.stack([adain(features, transfer.encode(style[None])) for style in styles]).mean(0)
    expected = transfer.decode(mean, (24, 40)).clamp(0, 1)
    torch.testing.assert_close(transfer(content, styles), expected, rtol=1e-4, atol=1e-5)


@torch.no_grad()
@pytest.mark.parametrize("size", [(1052, 1914), (16, 16), (17, 23), (24, 40), (63, 33)])
def test_any_size_comes_back(transfer, size):
    assert transfer(images(0, 1, *size), images(1)).shape == (1, 3, *size)


@torch.no_grad()
def test_weights_mix_as_the_definition_says(transfer):
    content, styles, weights = images(0, count=2), images(1, count=3), [0.2, 0.5, 0.3]
    features = transfer.encode(content)
    mixed = sum(w * adain(features, transfer.encode(s[None])) for w, s in zip(weights, styles, strict=True))
    half = 0.5 * mixed + 0.5 * features
    expected = transfer.decode(half, (24, 40)).clamp(0, 1)
    torch.testing.assert_close(transfer(content, styles, weights, alpha=0.5), expected, rtol=1e-4, atol=1e-5)


@torch.no_grad()
def test_alpha_zero_decodes_the_contents_own_features(transfer):
    content = images(0)
    expected = transfer.decode(transfer.encode(content), (24, 40)).clamp(0, 1)
    assert torch.equal(transfer(content, images(1), alpha=0.0), expected)


@torch.no_grad()
def test_content_is_encoded_once_and_kept_styles_never_again(transfer):
    encoded = []
    transfer.encoder.register_forward_hook(lambda module, args, out: encoded.append(tuple(args[0].shape)))
    statistics = transfer.prepare([images(1)[0], images(2, height=33)[0], images(3)[0]])
    assert encoded == [(1, 3, 24, 40), (1, 3, 33, 40), (1, 3, 24, 40)]
    encoded.clear()
    styled = transfer(images(0), statistics)
    assert encoded == [(1, 3, 24, 40)]
    assert torch.equal(styled, transfer(images(0), [images(1)[0], images(2, height=33)[0], images(3)[0]]))


@torch.no_grad()
def test_images_are_styled_at_another_size(transfer):
    content, styles = images(0, height=24, width=40), images(1, count=2, height=30)
    enlarged = StyleTransfer(transfer.encoder, transfer.decoder, size=48)
    large = transfer.restyle(resized(content, 48, 80), transfer.prepare(resized(styles, 48, 64)).mixed([0.5, 0.5]), 1.0)
    expected = resized(large, 24, 40).clamp(0, 1)
    torch.testing.assert_close(enlarged(content, styles), expected, rtol=1e-4, atol=1e-4)
    assert not torch.allclose(enlarged(content, styles), transfer(content, styles), atol=1e-2)


def resized(image, height, width):
    return fn.interpolate(image, (height, width), mode="bicubic", antialias=True)


@torch.no_grad()
@pytest.mark.parametrize("tile", [3, 5])
def test_tiles_leave_no_seams(transfer, tile):
    content, styles = images(0, 2, 90, 131), images(1, count=2, height=50)
    seen = []
    in_pieces = StyleTransfer(transfer.encoder, transfer.decoder, tile=tile)
    whole = transfer(content, styles)
    transfer.encoder.register_forward_pre_hook(lambda module, args: seen.append(max(args[0].shape[2:])))
    torch.testing.assert_close(in_pieces(content, styles), whole, rtol=1e-4, atol=1e-4)
    assert max(seen) == 8 * (tile + 2 * 4)


@torch.no_grad()
def test_real_photographs(real_data, real_encoder):
    photographs = [
        torch.from_numpy(np.array(Image.open(path).convert("RGB"))).permute(2, 0, 1)[:, ::4, ::4]
        for path in sorted((real_data / "styles" / "ambulance").iterdir())
    ]
    street = torch.from_numpy(np.array(Image.open(min((real_data / "camvid/val").iterdir())))).permute(2, 0, 1)[None]
    decoder = filled(Decoder(real_encoder.vgg), torch.Generator().manual_seed(0))
    transfer = StyleTransfer(real_encoder, decoder)
    statistics = transfer.prepare(photographs)
    assert [tuple(value.shape) for value in statistics.values] == [(4, 512, 1, 1)] * 2
    styled = transfer(street, statistics)
    assert styled.shape == street.shape
    assert 0 <= styled.min() < styled.max() <= 1
    features = real_encoder(street / 255)
    moved = adain(features, real_encoder(photographs[0][None] / 255))
    mean, deviation = statistics.values[0][:1], statistics.values[1][:1]
    torch.testing.assert_close(moved.mean((2, 3), keepdim=True), mean, rtol=1e-3, atol=1e-3 * mean.max().item())
    live = features.std((2, 3), keepdim=True) > 0.1  # in the others, eps is felt
    assert live.float().mean() > 0.9
    torch.testing.assert_close(moved.std((2, 3), keepdim=True)[live], deviation[live], rtol=1e-3, atol=1e-3)


def test_a_decoder_mirrors_its_encoder():
    decoder = Decoder(TINY)
    convolutions = [layer for layer in decoder if isinstance(layer, nn.Conv2d)]
    assert [(c.in_channels, c.out_channels) for c in convolutions] == [
        *[(10, 8), (8, 8), (8, 8), (8, 8), (8, 6), (6, 6), (6, 4), (4, 4), (4, 3)]
    ]
    assert tuple(decoder(torch.zeros(1, 10, 2, 3)).shape) == (1, 3, 16, 24)
    assert all(first.out_channels == second.in_channels for first, second in pairwise(convolutions))


def test_the_published_decoder_loads_by_its_numbers(tmp_path):
    weights = filled(Decoder(TINY), torch.Generator().manual_seed(5)).state_dict()
    assert set(weights) == {f"{number}.{part}" for number in PORTS for part in ("weight", "bias")}
    torch.save(weights, tmp_path / "decoder.pth")
    loaded = load_decoder(tmp_path / "decoder.pth", TINY).state_dict()
    assert all(torch.equal(loaded[name], value) for name, value in weights.items())
    with pytest.raises(CheckpointError, match=r"decoder.pth does not fit .*belongs to the encoder with which"):
        load_decoder(tmp_path / "decoder.pth", TINY._replace(depths=(2, 2, 3, 1)))
    with pytest.raises(CheckpointError, match="no such file"):
        load_decoder(tmp_path / "other.pth", TINY)


def test_a_decoder_learns_through_the_frozen_encoder(encoder):
    torch.manual_seed(0)
    transfer = StyleTransfer(encoder, Decoder(TINY))
    frozen = {name: value.clone() for name, value in encoder.state_dict().items()}
    optimizer = torch.optim.Adam(transfer.decoder.parameters(), lr=3e-3)
    content, styles, losses = images(0, count=2), images(1, count=2), []
    for _ in range(40):
        target = adain(transfer.encode(content), transfer.encode(styles))
        seen = encoder.levels(transfer.decode(target, (24, 40)))
        loss = content_loss(seen[-1], target) + style_loss(seen, encoder.levels(styles))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.5 * losses[0]
    assert all(torch.equal(value, frozen[name]) for name, value in encoder.state_dict().items())


@torch.no_grad()
def test_a_decoder_that_mirrors_its_encoder_begins_with_the_images_colours(encoder):
    content = images(3, count=4, height=40, width=56)
    decoder = mirror_encoder(encoder, content)
    drawn = decoder(encoder(content))
    assert drawn.shape == content.shape
    torch.testing.assert_close(drawn.mean(dim=(0, 2, 3)), content.mean(dim=(0, 2, 3)), rtol=1e-3, atol=1e-4)
    torch.testing.assert_close(drawn.std(dim=(0, 2, 3)), content.std(dim=(0, 2, 3)), rtol=1e-3, atol=1e-4)
    turned = encoder.features[0].weight.transpose(0, 1).flip(2, 3).flatten(1)
    torch.testing.assert_close(fn.normalize(decoder[-1].weight.flatten(1)), fn.normalize(turned))
