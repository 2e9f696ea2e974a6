"""The paper's objective on unlabelled target images: a target loss on the first output, self-guidance on the second."""

from dataclasses import dataclass
from typing import ClassVar, Protocol

from torch import Tensor, nn

from msl.config import AdaptationConfig
from msl.config.catalog import TARGET_OBJECTIVES
from msl.data import Batch
from msl.losses import class_prior, cross_entropy, guidance_labels
from msl.models import SegOutput
from msl.numerics.precision import at_least_single


class TargetObjective(Protocol):
    """A target loss, which `target_mode` names."""

    def __call__(self, logits: Tensor, prob: Tensor, config: AdaptationConfig) -> Tensor:
        """Logits and their softmax, both (N, C, H, W), to a scalar that is minimised."""


@dataclass(frozen=True)
class Adaptation:
    """The target objective on the first output, self-guidance on the second; it does not use the batch's labels.

    lambda_target · objective(z1) + lambda_seg · lambda_target · CE(z2, guidance labels), and with a prior on the
    classes, lambda_target · prior_weight · KL(prior ‖ mean p1). With lambda_target 0, nothing of it is left.
    """

    config: AdaptationConfig
    lambda_seg: float
    prior: Tensor | None = None  # (C,), summing to 1
    replayable: ClassVar[bool] = True

    def __call__(self, model: nn.Module, batch: Batch) -> dict[str, Tensor]:
        """Parts ``target``, with a prior ``target_prior``, and with a second output ``target_aux``."""
        output: SegOutput = model(batch.image)
        weight = self.config.lambda_target
        prob = at_least_single(output.main).softmax(dim=1)
        parts = {"target": weight * target_objective(self.config)(output.main, prob, self.config)}
        if self.prior is not None:
            parts["target_prior"] = weight * self.config.prior_weight * class_prior(prob, self.prior)
        if output.aux is not None:
            prob_aux = at_least_single(output.aux.detach()).softmax(dim=1)
            label = guidance_labels(prob.detach(), prob_aux, self.config.threshold)
            parts["target_aux"] = self.lambda_seg * weight * cross_entropy(output.aux, label, prob=prob_aux)
        return parts


def target_objective(config: AdaptationConfig) -> TargetObjective:
    """The target loss that `target_mode` names."""
    objective: TargetObjective = TARGET_OBJECTIVES.load(config.target_mode)
    return objective
