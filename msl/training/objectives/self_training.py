"""Self-training on mixed images: the teacher labels the target, classes of the source are pasted onto it (DACS)."""

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor, nn

from msl.config import SelfTrainingConfig
from msl.data import Batch
from msl.data.mixing import Distortion, class_mix, without_blocks
from msl.data.seeds import mixed_seed
from msl.losses import weighted_cross_entropy
from msl.models import SegOutput
from msl.training.teacher import PseudoLabels, Teacher


class SourceStream(Protocol):
    """The stream of the source, whose term comes first in a step."""

    @property
    def latest(self) -> Batch | None:
        """The batch of the present step."""


@dataclass(frozen=True)
class SelfTraining:
    """lambda_mixed · CE(z1 of the mixed image), weighted by pixel; the same for z2 with lambda_seg.

    A pasted pixel has its true label and the weight 1. Any other pixel has the teacher's label, and as its weight the
    share of the batch's pixels of which the teacher is sure. It does not use the target batch's labels.
    """

    config: SelfTrainingConfig
    lambda_seg: float
    seed: int
    teacher: Teacher
    source: SourceStream

    def __call__(self, model: nn.Module, batch: Batch) -> dict[str, Tensor]:
        """Parts ``mixed``, with a second output ``mixed_aux``, and with blocks left out ``masked``."""
        pseudo, config = self.teacher.pseudo_labels(batch.image, self.config.pseudo_threshold), self.config
        parts = self._mixed(model, batch, pseudo)
        if config.masking == "blocks":
            seeds = self._seeds("blocks", batch.names)
            image = without_blocks(_unit(batch.image), config.mask_block, config.mask_share, seeds)
            weight = pseudo.confident_share.expand(pseudo.label.shape)
            masked = weighted_cross_entropy(model(image).main, pseudo.label, weight)
            parts["masked"] = config.lambda_masked * masked
        return parts

    def _mixed(self, model: nn.Module, batch: Batch, pseudo: PseudoLabels) -> dict[str, Tensor]:
        source, config = self.source.latest, self.config
        assert source is not None, "supervision on the source comes first in a step"
        names = tuple(f"{one} {other}" for one, other in zip(source.names, batch.names, strict=True))
        mix = class_mix((source.image, source.label), (batch.image, pseudo.label), self._seeds("classes", names))
        distort = Distortion(config.jitter, config.jitter_share, config.blur_share)
        output: SegOutput = model(distort(_unit(mix.image), self._seeds("colours", names)))
        weight = torch.where(mix.pasted, torch.ones_like(pseudo.confident_share), pseudo.confident_share)  # (N, H, W)
        parts = {"mixed": config.lambda_mixed * weighted_cross_entropy(output.main, mix.label, weight)}
        if output.aux is not None:
            aux = weighted_cross_entropy(output.aux, mix.label, weight)
            parts["mixed_aux"] = self.lambda_seg * config.lambda_mixed * aux
        return parts

    def _seeds(self, purpose: str, names: tuple[str, ...]) -> list[int]:
        """One for each image: they depend on the step and the images, and not on who loads them."""
        return [mixed_seed(self.seed, purpose, self.teacher.steps, name) for name in names]


def _unit(image: Tensor) -> Tensor:
    """Images of 8 bits as numbers in [0, 1]."""
    return image.to(torch.get_default_dtype()) / 255
