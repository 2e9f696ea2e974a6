"""DeepLabV3 as torchvision builds it, with one output, or with two for multi-level guidance.

Chen et al., *Rethinking Atrous Convolution for Semantic Image Segmentation*, 2017, arXiv:1706.05587. Its weights are
those of torchvision's files: https://pytorch.org/vision/stable/models/deeplabv3.html.
"""

from torch import Tensor, nn
from torchvision.models.resnet import Bottleneck, ResNet

from msl.config import ModelConfig
from msl.models.backbones import Backbone
from msl.models.deeplabv2 import AtrousPyramid
from msl.models.deeplabv3plus import PooledPyramid
from msl.models.network import SegmentationNetwork, SegOutput

_WIDTH = 256  # channels of the pyramid and after it


class DeepLabV3(SegmentationNetwork):
    """A backbone, a pyramid with image pooling and a classifier; with `multi`, a second output on earlier features."""

    def __init__(self, config: ModelConfig, backbone: Backbone) -> None:
        super().__init__(config, backbone)
        _dilate_as_torchvision(backbone.network)
        classes, dilations = config.num_classes, config.architecture()["dilations"]
        self.pyramid = PooledPyramid(backbone.channels.last, dilations)
        self.classifier = nn.Sequential(
            nn.Conv2d(_WIDTH, _WIDTH, 3, padding=1, bias=False),
            nn.BatchNorm2d(_WIDTH),
            nn.ReLU(inplace=True),
            nn.Conv2d(_WIDTH, classes, 1),
        )
        self.aux_head = AtrousPyramid(backbone.channels.middle, classes, dilations) if config.multi else None

    def coarse(self, image: Tensor) -> SegOutput:
        """Main logits at the size of the last features, auxiliary ones at the size of the last features but one."""
        features = self.backbone(self.preprocessing(image))
        aux = None if self.aux_head is None else self.aux_head(features.middle)
        return SegOutput(self.classifier(self.pyramid(features.last)), aux)

    def heads(self) -> list[nn.Module]:
        """The pyramid, the classifier and, with `multi`, the second head."""
        return [self.pyramid, self.classifier, *([] if self.aux_head is None else [self.aux_head])]


def _dilate_as_torchvision(network: nn.Module) -> None:
    """The first bottleneck of a dilated stage has the dilation of the stage before, so half of its own stage's."""
    for stage in (network.layer3, network.layer4) if isinstance(network, ResNet) else ():
        first = stage[0]
        if isinstance(first, Bottleneck) and first.conv2.dilation != (1, 1):
            half = first.conv2.dilation[0] // 2
            first.conv2.dilation = first.conv2.padding = (half, half)
