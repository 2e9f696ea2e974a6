"""torchvision's backbones: what they declare, and what is refused."""

import pytest
import torch
from torch import nn

from msl.config import ModelConfig, validated
from msl.config.abilities import ABILITIES
from msl.config.catalog import BACKBONES
from msl.errors import CheckpointError, ConfigError
from msl.models import build_model
from msl.models.backbones import Backbone, Features, Stages, check_declaration
from msl.models.preprocessing import build_preprocessing


@pytest.mark.parametrize("name", BACKBONES)
@pytest.mark.parametrize("stride", [8, 16])
@torch.no_grad()
def test_every_backbone_gives_what_it_declares(name, stride):
    backbone = BACKBONES.load(name)(ModelConfig(backbone=name, output_stride=stride)).eval()
    assert isinstance(backbone, Backbone)
    assert backbone.strides == (4, stride, stride)
    features = backbone(torch.rand(1, 3, 72, 104))
    assert tuple(feature.shape[1] for feature in features) == backbone.channels
    sizes = [(-(-72 // part), -(-104 // part)) for part in backbone.strides]
    assert [tuple(feature.shape[2:]) for feature in features] == sizes


@pytest.mark.parametrize("name", BACKBONES)
def test_abilities_are_real(name):
    able = ABILITIES[name]
    assert able.output_strides == (8, 16)
    if able.bn_affine:
        bare = build_model(ModelConfig(backbone=name, bn_affine=False)).backbone
        assert all(norm.weight is None for norm in bare.modules() if isinstance(norm, nn.BatchNorm2d))
    if able.width:
        narrow = build_model(ModelConfig(backbone=name, width=0.5)).backbone
        assert narrow.channels.last < build_model(ModelConfig(backbone=name)).backbone.channels.last
    if able.caffe_bgr:
        caffes = build_model(ModelConfig(backbone=name, preprocessing="caffe_bgr")).backbone
        assert caffes.network.maxpool.ceil_mode


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"backbone": "resnet51"}, "backbone = 'resnet51': unknown; did you mean resnet50 or resnet18 or resnet101"),
        ({"backbone": "tim:swin"}, "Choose one of resnet101, resnet50, resnet18, mobilenet_v2, timm:NAME"),
        ({"backbone": "timm:convnext_atto", "width": 0.5}, "not timm:convnext_atto. Pass width=1 with other backbones"),
        (
            {"backbone": "mobilenet_v2", "preprocessing": "caffe_bgr"},
            "preprocessing = caffe_bgr needs backbone = resnet101, resnet50, resnet18, not mobilenet_v2",
        ),
        ({"backbone": "timm:convnext_atto", "bn_affine": False}, "bn_affine = False needs backbone = resnet101, resn"),
        ({"output_stride": 32}, "output_stride = 32: backbone = mobilenet_v2 can have only 8 or 16"),
        ({"output_stride": 0}, "output_stride = 0: input should be greater than or equal to 1"),
        ({"preprocessing": "imagenet_bgr"}, "did you mean imagenet_rgb"),
        ({"preprocessing": "rgb:0.5/0.5"}, "a normalisation is rgb:MEAN/DEVIATION, each three numbers"),
        ({"preprocessing": "rgb:nan,0,0/1,1,1"}, "a normalisation is rgb:MEAN/DEVIATION, each three numbers"),
        ({"preprocessing": "rgb:0,0,0/1,1,0"}, "a normalisation is rgb:MEAN/DEVIATION, each three numbers"),
    ],
)
def test_settings_that_a_backbone_does_not_take_are_refused(settings, message):
    with pytest.raises(ConfigError, match=message):
        validated(ModelConfig, settings)


def test_a_normalisation_is_built_from_its_name():
    image = torch.tensor([255, 0, 51], dtype=torch.uint8).view(1, 3, 1, 1)
    normalise = build_preprocessing("rgb:0.5,0.25,0.2/0.5,0.25,0.1")
    torch.testing.assert_close(normalise(image).flatten(), torch.tensor([1.0, -1.0, 0.0]))


def test_the_network_records_the_output_stride_that_it_has():
    assert build_model(ModelConfig(width=0.25)).config.output_stride == 8
    assert build_model(ModelConfig(network="deeplabv3plus", width=0.25)).config.output_stride == 16


class Halves(Backbone):
    """The smallest backbone: two convolutions."""

    def __init__(self, strides: Stages, channels: Stages) -> None:
        super().__init__()
        self.network = nn.Sequential(nn.Conv2d(3, 6, 4, stride=4), nn.Conv2d(6, 8, 2, stride=2))
        self.strides, self.channels = strides, channels

    def forward(self, image):
        low = self.network[0](image)
        return Features(low, self.network[1](low), self.network[1](low))


def test_a_wrong_declaration_is_refused_with_the_numbers():
    check_declaration(Halves(Stages(4, 8, 8), Stages(6, 8, 8)), "halves")
    measured = "for an image of 32x64 pixels it gives 6 channels of 8x16, 8 channels of 4x8, 8 channels of 4x8"
    with pytest.raises(ConfigError, match=rf"declares strides 4, 16, 16 and channels 6, 8, 8, but {measured}"):
        check_declaration(Halves(Stages(4, 16, 16), Stages(6, 8, 8)), "halves")
    with pytest.raises(ConfigError, match=rf"declares strides 4, 8, 8 and channels 6, 8, 9, but {measured}"):
        check_declaration(Halves(Stages(4, 8, 8), Stages(6, 8, 9)), "halves")


def test_trying_a_backbone_leaves_it_as_it_was():
    backbone = BACKBONES.load("mobilenet_v2")(ModelConfig(width=0.25))
    next(backbone.modules()).train()
    norm = next(module for module in backbone.modules() if isinstance(module, nn.BatchNorm2d)).eval()
    before, drawn = {k: v.clone() for k, v in backbone.state_dict().items()}, torch.random.get_rng_state()
    check_declaration(backbone, "mobilenet_v2")
    assert all(torch.equal(value, before[name]) for name, value in backbone.state_dict().items())
    assert torch.equal(torch.random.get_rng_state(), drawn)
    assert (backbone.training, norm.training) == (True, False)


def test_a_backbone_without_imagenet_weights_says_so():
    with pytest.raises(CheckpointError, match="There are no ImageNet weights for backbone = resnet18: pass weights="):
        Halves.imagenet_weights(ModelConfig(backbone="resnet18"))
