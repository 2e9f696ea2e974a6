"""Scoring a network on a domain."""

from collections.abc import Callable, Iterator, Mapping
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
from msl.models import SegmentationNetwork
from msl.scoring.prediction import predict, views

_PIXELS = 2**20  # counted at a time


@dataclass(frozen=True, kw_only=True)
class Scored:
    """A domain to score, and how."""

    role: str  # source or target: the metrics' prefix
    domain: Domain
    size: tuple[int, int]  # width and height of the network's input
    count: int | None  # score the first so many images; None = all
    flip: bool = False  # average over the mirrored image too
    scales: tuple[float, ...] = (1.0,)  # of `size`, averaged over
    resize_labels: bool = False  # score at `size` alone, as the published code does
    num_workers: int = 0

    def __len__(self) -> int:
        return len(self.domain) if self.count is None else min(self.count, len(self.domain))


@dataclass(frozen=True)
class Scores:
    """Two confusion matrices of one evaluation: ground truth at full resolution, and resized to the network's input.

    With `Scored.resize_labels` the first one is the second.
    """

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
        if label_set.thirteen:
            values[schema.MIOU_13] = self.full.mean_iou([label_set.train_id(name) for name in label_set.thirteen])
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

    @property
    def target_miou(self) -> float | None:
        """What `best` is chosen by, an oracle's choice; None where no target was scored."""
        return self.scores[schema.TARGET].full.mean_iou() if schema.TARGET in self.scores else None

    def state_dict(self) -> dict[str, Any]:
        """Plain values for a checkpoint."""
        return {"step": self.step, "scores": {role: scores.state_dict() for role, scores in self.scores.items()}}

    @classmethod
    def from_state_dict(cls, state: dict[str, Any]) -> "Result":
        """The result that gave `state`."""
        return cls(state["step"], {role: Scores.from_state_dict(saved) for role, saved in state["scores"].items()})


@torch.no_grad()
def evaluate(
    model: SegmentationNetwork,
    scored: Scored,
    precision: torch.dtype = torch.float32,
    keep: Callable[[str, Tensor], None] | None = None,
) -> Scores:
    """Score `model` on a domain, image by image, in one confusion matrix.

    The prediction at full resolution is that of the logits upsampled straight to the label's size.

    Args:
        model: on its device.
        scored: what to score, and how.
        precision: of the network's pass.
        keep: takes every image's name and prediction (H, W) at full resolution, as they come.
    """
    device = next(model.parameters()).device
    full, resized = (ConfusionMatrix(model.config.num_classes, device) for _ in range(2))
    samples = in_order(scored.domain, Resized(scored.size, scored.scales), scored.count, scored.num_workers)
    with eval_mode(model), torch.autocast(device.type, precision, enabled=precision != torch.float32):
        for sample in tqdm(samples, f"scoring {scored.role}", len(scored), leave=False, unit="img", mininterval=1):
            seen = views(model, sample.images, scored.flip)
            label = sample.label[None].to(device)
            small = nearest(label, scored.size[::-1])
            _count(resized, predict(seen, small.shape[1:]), small)
            if keep is None and scored.resize_labels:
                continue
            prediction = predict(seen, label.shape[1:])
            _count(full, prediction, label)
            if keep is not None:
                keep(sample.name, prediction[0].cpu())
    return Scores(resized if scored.resize_labels else full, resized)


def _count(matrix: ConfusionMatrix, prediction: Tensor, label: Tensor) -> None:
    """Update the matrix in parts, because it takes many bytes a pixel."""
    for part, truth in zip(prediction.flatten().split(_PIXELS), label.flatten().split(_PIXELS), strict=True):
        matrix.update(part, truth)


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
