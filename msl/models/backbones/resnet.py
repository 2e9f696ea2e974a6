"""torchvision's ResNets, in torchvision's arrangement or in Caffe's."""

from collections.abc import Callable

import torchvision.models as zoo
from torch import nn
from torchvision.models.resnet import Bottleneck

from msl.config import ModelConfig
from msl.models.backbones.backbone import Stages
from msl.models.backbones.dilated import DilatedBackbone, Plan

_BUILDERS: dict[str, tuple[Callable[[], nn.Module], Stages]] = {
    "resnet101": (zoo.resnet101, Stages(256, 1024, 2048)),
    "resnet50": (zoo.resnet50, Stages(256, 1024, 2048)),
    "resnet18": (zoo.resnet18, Stages(64, 256, 512)),
}
_PUBLISHED_HEADS = ("layer5", "layer6")  # of published DeepLabs, after the four layers of a ResNet


class ResNet(DilatedBackbone):
    """ResNet-18, -50 or -101 (He et al., arXiv:1512.03385)."""

    def __init__(self, config: ModelConfig) -> None:
        build, channels = _BUILDERS[config.backbone]
        low = ("conv1", "bn1", "relu", "maxpool", "layer1")
        plan = Plan(low, ("layer2",), ("layer3",), ("layer4",), ("avgpool", "fc"), channels)
        super().__init__(build(), plan, config)
        self.left_out = (*plan.classifier, *_PUBLISHED_HEADS)
        if config.preprocessing == "caffe_bgr":
            _arrange_as_caffe(self.network)


def _arrange_as_caffe(network: nn.Module) -> None:
    """Caffe's ResNet has a bottleneck's stride in its first 1×1 convolution, and a stem whose pooling rounds up."""
    for module in network.modules():
        if isinstance(module, Bottleneck):
            module.conv1.stride, module.conv2.stride = module.conv2.stride, (1, 1)
        elif isinstance(module, nn.MaxPool2d):
            module.ceil_mode = True
