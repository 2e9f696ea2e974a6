"""A mean teacher: a network whose weights are a running mean of those of the network that learns.

Tarvainen and Valpola, *Mean teachers are better role models*, NIPS 2017, arXiv:1703.01780.
"""

from copy import deepcopy
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from msl.models import SegmentationNetwork, SegOutput
from msl.numerics import ranks
from msl.numerics.bands import by_bands, most_probable
from msl.numerics.precision import at_least_single
from msl.training.batch_norm import train_mode

_DEPTH_DROPOUTS = ("DropPath", "StochasticDepth")  # of timm and torchvision, which are not imported here


class PseudoLabels(NamedTuple):
    """What a teacher says of a batch without labels."""

    label: Tensor  # (N, H, W) uint8 train ids
    confident_share: Tensor  # (), in [0, 1]: share of the batch's pixels whose largest probability reaches a threshold


class Teacher:
    """θ' = a·θ' + (1 - a)·θ after every step, with a = min(1 - 1/(t + 1), decay) after step t.

    Only parameters follow. The teacher is in train mode, so that BatchNorm normalises with the batch's own statistics,
    and has no dropout, as in the code of DAFormer.
    """

    def __init__(self, student: SegmentationNetwork, decay: float, freeze_bn: bool) -> None:
        """A teacher that is equal to the student.

        Args:
            student: the network that learns, on its device.
            decay: the largest a.
            freeze_bn: BatchNorm is in eval mode, as in the student.
        """
        self.steps = 0  # t, of the student so far
        self.confident_share = torch.zeros(())  # of the last batch
        self._decay, self._network = decay, deepcopy(student).requires_grad_(False)
        train_mode(self._network, freeze_bn)
        for module in self._network.modules():
            if isinstance(module, nn.modules.dropout._DropoutNd) or type(module).__name__ in _DEPTH_DROPOUTS:
                module.eval()

    @torch.no_grad()
    def pseudo_labels(self, image: Tensor, threshold: float) -> PseudoLabels:
        """The most probable classes of images (N, 3, H, W), and the share of pixels whose probability is `threshold`.

        Equal probabilities count as confident.
        """
        output: SegOutput = self._network(image)
        prob = at_least_single(output.main).softmax(dim=1)  # (N, C, H, W)
        self.confident_share = ranks.mean_of_all((prob.amax(dim=1) >= threshold).to(prob.dtype))
        return PseudoLabels(by_bands(most_probable, prob).to(torch.uint8), self.confident_share)

    @torch.no_grad()
    def follow(self, student: nn.Module) -> None:
        """Call it after every step of the student."""
        self.steps += 1
        share = min(1 - 1 / (self.steps + 1), self._decay)
        weights = [parameter.data for parameter in self._network.parameters()]
        torch._foreach_mul_(weights, share)
        torch._foreach_add_(weights, [parameter.data for parameter in student.parameters()], alpha=1 - share)

    def state_dict(self) -> dict[str, Any]:
        """Its counter and its network."""
        return {"steps": self.steps, "weights": self._network.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore them."""
        self.steps = state["steps"]
        self._network.load_state_dict(state["weights"])
