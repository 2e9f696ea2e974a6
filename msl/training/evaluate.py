"""Scoring a network on a domain."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from tqdm import tqdm

from msl import schema
from msl.data import Domain, Resized, in_order, nearest
from msl.labels import LabelSet
from msl.metrics import ConfusionMatrix
from msl.models import SegmentationNetwork, upsample


@dataclass(frozen=True, kw_only=True)
class Scored:
    """A domain to score, and how."""

    role: str  # source or target: the metrics' prefix
    domain: Domain
    size: tuple[int, int]  # width and height of the network's input
    count: int | None  # score the first so many images; None = all
    num_workers: int = 0

    def __len__(self) -> int:
        return len(self.domain) if self.count is None else min(self.count, len(self.domain))


@dataclass(frozen=True)
class Scores:
    """Two confusion matrices of one evaluation: ground truth at full resolution, and resized to the network's input."""

    full: ConfusionMatrix
    resized: ConfusionMatrix

    def metrics(self, role: str, label_set: LabelSet) -> dict[str, float]:
        """Every score under its name in the run store, percent; classes that do not occur are left out."""
        values = {
            schema.MIOU: self.full.mean_iou(),
            schema.FWIOU: self.full.fw_iou(),
            schema.PA: self.full.pixel_accuracy(),
            schema.MPA: self.full.mean_pixel_accuracy(),
            schema.MIOU_RESIZED: self.resized.mean_iou(),
        }
        named = {schema.score(role, name): value for name, value in values.items()}
        for name, iou in zip(label_set.classes, self.full.iou().tolist(), strict=True):
            if iou == iou:  # not NaN
                named[schema.class_iou(role, name)] = iou
        return named

    def state_dict(self) -> dict[str, Tensor]:
        """The counts, for a checkpoint."""
        return {"full": self.full.counts, "resized": self.resized.counts}

    @classmethod
    def from_state_dict(cls, state: dict[str, Tensor]) -> "Scores":
        """The scores that gave `state`."""
        return cls(*(ConfusionMatrix.from_counts(state[name]) for name in ("full", "resized")))


@dataclass(frozen=True)
class Result:
    """One evaluation: the scores of each domain after a step."""

    step: int
    scores: dict[str, Scores]

    def metrics(self, label_set: LabelSet) -> dict[str, float]:
        """Every score under its name in the run store."""
        return {k: v for role, scores in self.scores.items() for k, v in scores.metrics(role, label_set).items()}

    def state_dict(self) -> dict[str, Any]:
        """Plain values for a checkpoint."""
        return {"step": self.step, "scores": {role: scores.state_dict() for role, scores in self.scores.items()}}

    @classmethod
    def from_state_dict(cls, state: dict[str, Any]) -> "Result":
        """The result that gave `state`."""
        return cls(state["step"], {role: Scores.from_state_dict(saved) for role, saved in state["scores"].items()})


@torch.no_grad()
def evaluate(model: SegmentationNetwork, scored: Scored, precision: torch.dtype = torch.float32) -> Scores:
    """Score `model` on a domain, image by image, in one confusion matrix.

    The prediction at full resolution is the argmax of the logits upsampled straight to the label's size.
    """
    device = next(model.parameters()).device
    full, resized = (ConfusionMatrix(model.config.num_classes, device) for _ in range(2))
    samples = in_order(scored.domain, Resized(scored.size), scored.count, scored.num_workers)
    with eval_mode(model), torch.autocast(device.type, precision, enabled=precision != torch.float32):
        for sample in tqdm(samples, f"scoring {scored.role}", len(scored), leave=False, unit="img", mininterval=1):
            image, label = sample.image[None].to(device), sample.label[None].to(device)
            logits = model.coarse(image).main.float()
            full.update(predict(logits, label.shape[1:]), label)
            small = nearest(label, image.shape[2:])
            resized.update(predict(logits, small.shape[1:]), small)
    return Scores(full, resized)


def predict(logits: Tensor, size: torch.Size) -> Tensor:
    """Coarse logits (N, C, h, w) to predicted classes (N, *size)."""
    return upsample(logits, (size[0], size[1])).argmax(dim=1)


@contextmanager
def eval_mode(model: nn.Module) -> Iterator[None]:
    """Eval mode for a while; every module gets back the mode that it had."""
    modes: Mapping[nn.Module, bool] = {module: module.training for module in model.modules()}
    model.eval()
    try:
        yield
    finally:
        for module, mode in modes.items():
            module.training = mode
