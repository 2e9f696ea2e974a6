"""DeepLabV3+ with one output, or with two for multi-level guidance.

Chen et al., *Encoder-Decoder with Atrous Separable Convolution for Semantic Image Segmentation*, ECCV 2018,
arXiv:1802.02611. Plain convolutions replace the separable ones, as in the implementation that is widely used with
ResNets.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from msl.config import ModelConfig
from msl.errors import ConfigError
from msl.models.backbones import Backbone
from msl.models.deeplabv2 import AtrousPyramid
from msl.models.network import SegmentationNetwork, SegOutput
from msl.numerics.interpolation import upsample

_WIDTH = 256  # channels of the pyramid and of the decoder
_LOW = 48  # channels of the reduced low-level features, so few that the others outweigh them (section 4.1)


def _block(channels: int, out: int, kernel: int = 1, dilation: int = 1) -> nn.Sequential:
    padding = dilation * (kernel // 2)
    convolution = nn.Conv2d(channels, out, kernel, padding=padding, dilation=dilation, bias=False)
    nn.init.kaiming_normal_(convolution.weight)
    return nn.Sequential(convolution, nn.BatchNorm2d(out), nn.ReLU(inplace=True))


class PooledPyramid(nn.Module):
    """Parallel dilated convolutions and the image's mean, joined (ASPP of arXiv:1706.05587, section 3.3)."""

    def __init__(self, channels: int, dilations: Sequence[int]) -> None:
        super().__init__()
        self.branches = nn.ModuleList([_block(channels, _WIDTH)])
        self.branches.extend(_block(channels, _WIDTH, 3, dilation) for dilation in dilations)
        self.pooled = nn.Sequential(nn.AdaptiveAvgPool2d(1), *_block(channels, _WIDTH))
        self.join = nn.Sequential(*_block((len(dilations) + 2) * _WIDTH, _WIDTH), nn.Dropout(0.5))

    def forward(self, features: Tensor) -> Tensor:
        """Features (N, C_in, h, w) to (N, 256, h, w)."""
        size = (features.shape[2], features.shape[3])
        maps = [branch(features) for branch in self.branches]
        maps.append(self.pooled(features).expand(-1, -1, *size))
        joined: Tensor = self.join(torch.cat(maps, dim=1))
        return joined


class RefiningDecoder(nn.Module):
    """Brings the pyramid's output to the low-level features' resolution and refines it there."""

    def __init__(self, low_channels: int, num_classes: int) -> None:
        super().__init__()
        self.reduce = _block(low_channels, _LOW)
        self.refine = nn.Sequential(
            *_block(_WIDTH + _LOW, _WIDTH, 3),
            nn.Dropout(0.5),
            *_block(_WIDTH, _WIDTH, 3),
            nn.Dropout(0.1),
            nn.Conv2d(_WIDTH, num_classes, 1),
        )

    def forward(self, features: Tensor, low: Tensor) -> Tensor:
        """(N, 256, h, w) and finer, low-level features (N, C_low, H/s, W/s) to logits (N, C, H/s, W/s)."""
        upsampled = upsample(features, (low.shape[2], low.shape[3]))
        logits: Tensor = self.refine(torch.cat([upsampled, self.reduce(low)], dim=1))
        return logits


class DeepLabV3Plus(SegmentationNetwork):
    """A backbone, a pyramid with image pooling and a decoder; with `multi`, a second output on earlier features."""

    def __init__(self, config: ModelConfig, backbone: Backbone) -> None:
        super().__init__(config, backbone)
        low, _, last = backbone.strides
        if low >= last:
            raise ConfigError(
                f"network = deeplabv3plus needs early features that are finer than the last: backbone = "
                f"{config.backbone} has stride {low} for the early and {last} for the last. Pass network=deeplabv2 or "
                "another backbone."
            )
        classes, dilations = config.num_classes, config.architecture()["dilations"]
        self.pyramid = PooledPyramid(backbone.channels.last, dilations)
        self.decoder = RefiningDecoder(backbone.channels.low, classes)
        self.aux_head = AtrousPyramid(backbone.channels.middle, classes, dilations) if config.multi else None

    def coarse(self, image: Tensor) -> SegOutput:
        """Main logits at the size of the early features, auxiliary ones at the size of the last features but one."""
        features = self.backbone(self.preprocessing(image))
        aux = None if self.aux_head is None else self.aux_head(features.middle)
        return SegOutput(self.decoder(self.pyramid(features.last), features.low), aux)

    def heads(self) -> list[nn.Module]:
        """The pyramid, the decoder and, with `multi`, the second head."""
        return [self.pyramid, self.decoder, *([] if self.aux_head is None else [self.aux_head])]
