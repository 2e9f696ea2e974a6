import pytest
import torch
from tolerances import SINGLE
from torch import nn

from msl.config import ModelConfig
from msl.models import build_model
from msl.numerics.interpolation import upsample

BACKBONES = ["resnet101", "resnet50", "resnet18", "mobilenet_v2"]


def make(**settings):
    torch.manual_seed(0)
    return build_model(ModelConfig(**settings)).eval()


@pytest.mark.parametrize("backbone", BACKBONES)
@pytest.mark.parametrize("multi", [False, True])
@torch.no_grad()
def test_logits_have_the_inputs_size_and_features_an_eighth(backbone, multi):
    model = make(backbone=backbone, multi=multi, num_classes=7)
    image = torch.randint(0, 256, (1, 3, 72, 104), dtype=torch.uint8)
    coarse, full = model.coarse(image), model(image)
    assert coarse.main.shape == (1, 7, 9, 13)
    assert full.main.shape == (1, 7, 72, 104)
    assert (full.aux is not None) == (coarse.aux is not None) == multi
    if multi:
        assert full.aux.shape == (1, 7, 72, 104)


@pytest.mark.parametrize("size", [(33, 47), (64, 65), (17, 129)])
@torch.no_grad()
def test_any_size_comes_back(size):
    image = torch.zeros(1, 3, *size, dtype=torch.uint8)
    assert make(width=0.25)(image).main.shape == (1, 19, *size)


def test_the_last_stages_are_dilated_by_two_and_four():
    network = make(backbone="resnet101").backbone.network
    for stage, dilation in (("layer1", 1), ("layer2", 1), ("layer3", 2), ("layer4", 4)):
        spatial = [m for m in getattr(network, stage).modules() if isinstance(m, nn.Conv2d) and m.kernel_size == (3, 3)]
        assert {m.dilation for m in spatial} == {(dilation, dilation)}
    strides = [m.stride for m in network.layer3.modules() if isinstance(m, nn.Conv2d)]
    assert set(strides) == {(1, 1)}


def test_a_head_is_the_sum_of_its_four_convolutions():
    head = make(width=0.25).main_head
    features = torch.randn(1, head[0].in_channels, 30, 30)
    assert [conv.dilation[0] for conv in head] == [conv.padding[0] for conv in head] == [6, 12, 18, 24]
    torch.testing.assert_close(head(features), sum(conv(features) for conv in head), **SINGLE)
    assert all(0.008 < conv.weight.std() < 0.012 for conv in head)


def test_dilations_and_their_number_are_chosen():
    model = make(width=0.25, dilations=(2, 5), multi=True)
    assert [conv.dilation for head in model.heads() for conv in head] == [(2, 2), (5, 5)] * 2


def test_upsampling_aligns_the_corners():
    logits = torch.tensor([[[[0.0, 1.0], [2.0, 3.0]]]])
    big = upsample(logits, (5, 5))
    assert big[0, 0, 0].tolist() == [0, 0.25, 0.5, 0.75, 1]
    assert big[0, 0, :, 0].tolist() == [0, 0.5, 1, 1.5, 2]


@torch.no_grad()
def test_bytes_and_floats_give_the_same():
    model = make(width=0.25)
    image = torch.randint(0, 256, (1, 3, 32, 32), dtype=torch.uint8)
    torch.testing.assert_close(model(image).main, model(image.float() / 255).main, **SINGLE)


def test_preprocessing_is_torchvisions():
    model = make(width=0.25)
    white = model.preprocessing(torch.full((1, 3, 1, 1), 255, dtype=torch.uint8)).flatten().tolist()
    assert white == pytest.approx([(1 - 0.485) / 0.229, (1 - 0.456) / 0.224, (1 - 0.406) / 0.225])


def test_heads_and_backbone_are_all_of_the_network():
    model = make(backbone="resnet18", multi=True)
    parts = [*model.backbone.parameters(), *(p for head in model.heads() for p in head.parameters())]
    assert {id(p) for p in parts} == {id(p) for p in model.parameters()}
    assert len(parts) == len(list(model.parameters()))


def test_the_gradient_reaches_an_image_of_floats():
    """Joint training puts a style network in front."""
    image = torch.rand(1, 3, 32, 32, requires_grad=True)
    make(width=0.25)(image).main.sum().backward()
    assert image.grad.abs().sum() > 0
