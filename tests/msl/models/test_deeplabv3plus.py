import pytest
import torch
from torch import nn

from msl.config import ModelConfig
from msl.models import build_model


def make(**settings):
    torch.manual_seed(0)
    return build_model(ModelConfig(network="deeplabv3plus", **settings)).eval()


@pytest.mark.parametrize("backbone", ["resnet101", "resnet50", "resnet18", "mobilenet_v2"])
@pytest.mark.parametrize("stride", [8, 16])
@torch.no_grad()
def test_logits_are_made_at_a_quarter_from_features_at_the_stride(backbone, stride):
    model = make(backbone=backbone, output_stride=stride, multi=True, num_classes=7)
    image = torch.randint(0, 256, (1, 3, 72, 104), dtype=torch.uint8)
    features, coarse, full = model.backbone(model.preprocessing(image)), model.coarse(image), model(image)
    height, width = -(-72 // stride), -(-104 // stride)
    assert features.low.shape == (1, model.backbone.channels.low, 18, 26)
    assert features.middle.shape == (1, model.backbone.channels.middle, height, width)
    assert features.last.shape == (1, model.backbone.channels.last, height, width)
    assert coarse.main.shape == (1, 7, 18, 26)
    assert coarse.aux.shape == (1, 7, height, width)
    assert full.main.shape == full.aux.shape == (1, 7, 72, 104)


def test_dilations_follow_the_output_stride():
    for stride, spread, last in ((16, [6, 12, 18], 2), (8, [12, 24, 36], 4)):
        model = make(backbone="resnet18", output_stride=stride)
        assert [branch[0].dilation[0] for branch in model.pyramid.branches][1:] == spread
        spatial = [m for m in model.backbone.network.layer4.modules() if isinstance(m, nn.Conv2d)]
        assert {m.dilation[0] for m in spatial if m.kernel_size == (3, 3)} == {last}
    assert make(width=0.25, dilations=(2, 3)).pyramid.branches[2][0].dilation == (3, 3)


@torch.no_grad()
def test_the_decoder_sees_what_the_definition_says():
    """The network once more, written out plainly from its parts' definitions."""
    model = make(width=0.25, num_classes=5)
    image = torch.randint(0, 256, (2, 3, 64, 96), dtype=torch.uint8)
    low, _, x = model.backbone(model.preprocessing(image))
    up = {"mode": "bilinear", "align_corners": True}
    maps = [branch(x) for branch in model.pyramid.branches]
    maps.append(nn.functional.interpolate(model.pyramid.pooled(x.mean(dim=(2, 3), keepdim=True)), x.shape[2:], **up))
    context = model.pyramid.join(torch.cat(maps, 1))
    assert [m.shape[1] for m in maps] == [256] * 5
    joined = torch.cat([nn.functional.interpolate(context, low.shape[2:], **up), model.decoder.reduce(low)], 1)
    assert joined.shape[1] == 304
    logits = model.decoder.refine(joined)
    torch.testing.assert_close(model.coarse(image).main, logits)
    torch.testing.assert_close(model(image).main, nn.functional.interpolate(logits, (64, 96), **up))


def test_everything_but_the_backbone_learns_faster():
    model = make(width=0.25, multi=True)
    heads = {id(p) for head in model.heads() for p in head.parameters()}
    backbone = {id(p) for p in model.backbone.parameters()}
    assert heads | backbone == {id(p) for p in model.parameters()}
    assert not heads & backbone
