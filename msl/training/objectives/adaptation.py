"""The target objectives of the paper, on the outputs of a segmentation network."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from torch import Tensor, nn

from msl.config import AdaptationConfig
from msl.data import Batch
from msl.losses import confident_labels, cross_entropy, entropy, guidance_labels, iw_entropy, iw_max_square, max_square
from msl.models import SegOutput
from msl.numerics.precision import at_least_single


@dataclass(frozen=True)
class Adaptation:
    """The target objective on the first output, self-guidance on the second; the batch's labels are not looked at.

    lambda_target · objective(z1) + lambda_seg · lambda_target · CE(z2, guidance labels).
    """

    config: AdaptationConfig
    lambda_seg: float

    def __call__(self, model: nn.Module, batch: Batch) -> dict[str, Tensor]:
        """Parts ``target`` and, with a second output, ``target_aux``."""
        output: SegOutput = model(batch.image)
        weight = self.config.lambda_target
        prob = at_least_single(output.main).softmax(dim=1)
        parts = {"target": weight * target_objective(self.config)(output.main, prob)}
        if output.aux is not None:
            prob_aux = at_least_single(output.aux.detach()).softmax(dim=1)
            label = guidance_labels(prob.detach(), prob_aux, self.config.threshold)
            parts["target_aux"] = self.lambda_seg * weight * cross_entropy(output.aux, label, prob=prob_aux)
        return parts


def target_objective(config: AdaptationConfig) -> Callable[[Tensor, Tensor], Tensor]:
    """The function of (logits, probabilities), both (N, C, H, W), that `target_mode` names."""
    on_prob: dict[str, Callable[[Tensor], Tensor]] = {
        "maxsquare": max_square,
        "IW_maxsquare": partial(iw_max_square, ratio=config.iw_ratio),
        "entropy": entropy,
        "IW_entropy": partial(iw_entropy, ratio=config.iw_ratio),
    }
    if config.target_mode == "hard":
        return lambda logits, prob: cross_entropy(logits, confident_labels(prob, config.threshold), prob=prob)
    return lambda logits, prob: on_prob[config.target_mode](prob)
