"""torchvision's networks at output stride 8 or 16: late strides are turned into dilation.

This is how DeepLab keeps resolution: a late stage does not halve it; instead its 3×3 convolutions are dilated, so
that the weights still fit (Chen et al., arXiv:1606.00915, section 3.1).
"""

from dataclasses import dataclass

from torch import Tensor, nn

from msl.config import ModelConfig
from msl.errors import CheckpointError
from msl.models.backbones.backbone import Backbone, Features, Stages
from msl.weights import torchvision_weights


@dataclass(frozen=True)
class Plan:
    """How to cut a network of torchvision: its parts in order, and those that only its classifier needs."""

    low: tuple[str, ...]  # up to stride 4
    stem: tuple[str, ...]  # from there to stride 8
    middle: tuple[str, ...]  # would make the stride 16; dilated instead for output stride 8
    last: tuple[str, ...]  # would make the stride 32; always dilated instead
    classifier: tuple[str, ...]
    channels: Stages


class DilatedBackbone(Backbone):
    """One of torchvision's networks at output stride 8 or 16, without its classifier.

    Parameters keep torchvision's names (below ``network.``), so that its state dicts load by name.
    """

    def __init__(self, network: nn.Module, plan: Plan, config: ModelConfig) -> None:
        """Cut and dilate it.

        Args:
            network: as torchvision builds it.
            plan: where to cut it.
            config: the settings; `output_stride` and `bn_affine` are read.
        """
        super().__init__()
        self.network = network
        for name in plan.classifier:
            parent, _, child = name.rpartition(".")
            delattr(network.get_submodule(parent), child)
        output_stride = config.architecture()["output_stride"]
        strided = output_stride == 16  # then the middle stage keeps its stride
        for names, dilation in ((plan.middle, 1 if strided else 2), (plan.last, 2 if strided else 4)):
            for name in names if dilation > 1 else ():
                _dilate(network.get_submodule(name), dilation)
        if config.bn_affine is False:
            _drop_affine(network)
        self.left_out = plan.classifier
        self.strides, self.channels = Stages(4, output_stride, output_stride), plan.channels
        self._until_low, self._until_middle, self._until_last = plan.low, plan.stem + plan.middle, plan.last

    @classmethod
    def imagenet_weights(cls, config: ModelConfig) -> dict[str, Tensor]:
        """Torchvision's weights, from TORCH_HOME or else downloaded into it."""
        if config.width != 1:
            raise CheckpointError(
                f"weights = imagenet exist only for width = 1, not {config.width}: pass weights=none."
            )
        return torchvision_weights(config.backbone)

    def forward(self, image: Tensor) -> Features:
        """Preprocessed images (N, 3, H, W) to feature maps; the last two have the output stride."""
        low = self._apply_stages(self._until_low, image)  # (N, C_low, H/4, W/4)
        middle = self._apply_stages(self._until_middle, low)  # (N, C_middle, H/s, W/s)
        return Features(low, middle, self._apply_stages(self._until_last, middle))

    def _apply_stages(self, names: tuple[str, ...], x: Tensor) -> Tensor:
        for name in names:
            x = self.network.get_submodule(name)(x)
        return x


def _drop_affine(network: nn.Module) -> None:
    """Let BatchNorm only normalise. Only a finished network can: torchvision's initialisation needs the scale."""
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.affine = False
            module.register_parameter("weight", None)
            module.register_parameter("bias", None)


def _dilate(stage: nn.Module, dilation: int) -> None:
    for module in stage.modules():
        if isinstance(module, nn.Conv2d):
            module.stride = (1, 1)
            if module.kernel_size == (3, 3):
                module.dilation = module.padding = (dilation, dilation)
