"""Supervision on labelled images."""

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor, nn

from msl.data import Batch
from msl.losses import cross_entropy
from msl.models import SegOutput


@dataclass(frozen=True)
class Supervised:
    """Cross entropy against the batch's labels: CE(z1) + lambda_seg · CE(z2)."""

    lambda_seg: float
    replayable: ClassVar[bool] = True

    def __call__(self, model: nn.Module, batch: Batch) -> dict[str, Tensor]:
        """Parts ``source`` and, with a second output, ``source_aux``."""
        output: SegOutput = model(batch.image)
        parts = {"source": cross_entropy(output.main, batch.label)}
        if output.aux is not None:
            parts["source_aux"] = self.lambda_seg * cross_entropy(output.aux, batch.label)
        return parts
