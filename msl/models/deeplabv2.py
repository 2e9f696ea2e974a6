"""DeepLabV2 with one output, or with two for multi-level guidance."""

from collections.abc import Sequence
from typing import cast

from torch import Tensor, nn

from msl.config import ModelConfig
from msl.models.backbones import Backbone
from msl.models.network import SegmentationNetwork, SegOutput
from msl.numerics.dilated_sum import dilated_sum


class AtrousPyramid(nn.ModuleList):
    """Sum of parallel 3×3 convolutions (ASPP-L, arXiv:1606.00915, section 4.1.2: dilation 6, 12, 18 and 24)."""

    def __init__(self, channels: int, num_classes: int, dilations: Sequence[int]) -> None:
        convolutions = [nn.Conv2d(channels, num_classes, 3, padding=d, dilation=d) for d in dilations]
        for convolution in convolutions:
            nn.init.normal_(convolution.weight, std=0.01)  # as in the code of the authors of the loss
        super().__init__(convolutions)

    def forward(self, features: Tensor) -> Tensor:
        """Features (N, C_in, h, w) to logits (N, C, h, w)."""
        return dilated_sum(features, cast("tuple[nn.Conv2d, ...]", tuple(self)))


class DeepLabV2(SegmentationNetwork):
    """A backbone with an atrous pyramid on its last stage and, with `multi`, a second one on the last stage but one."""

    def __init__(self, config: ModelConfig, backbone: Backbone) -> None:
        super().__init__(config, backbone)
        classes, dilations = config.num_classes, config.architecture()["dilations"]
        self.main_head = AtrousPyramid(backbone.channels.last, classes, dilations)
        self.aux_head = AtrousPyramid(backbone.channels.middle, classes, dilations) if config.multi else None

    def coarse(self, image: Tensor) -> SegOutput:
        """Main logits at the size of the last features, auxiliary ones at the size of the last features but one."""
        features = self.backbone(self.preprocessing(image))
        aux = None if self.aux_head is None else self.aux_head(features.middle)
        return SegOutput(self.main_head(features.last), aux)

    def heads(self) -> list[nn.Module]:
        """The main head and, with `multi`, the auxiliary one."""
        return [self.main_head] if self.aux_head is None else [self.main_head, self.aux_head]
