"""What an evaluation has counted, and its scores by their names in the run store."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from msl import schema
from msl.config.catalog import METRICS
from msl.labels import LabelSet
from msl.metrics import ConfusionMatrix, PixelCounts


@dataclass(frozen=True)
class Scores:
    """What one evaluation of a domain has counted.

    Two confusion matrices: ground truth at full resolution, and resized to the network's input (with
    `Scored.resize_labels` the first one is the second); and the counts of each extra metric, by its name.
    """

    full: ConfusionMatrix
    resized: ConfusionMatrix
    extra: Mapping[str, PixelCounts] = field(default_factory=dict)

    def metrics(self, role: str, label_set: LabelSet) -> dict[str, float]:
        """Every score under its name in the run store; what has no value, as a class that does not occur, is left out.

        Units are those of `msl.schema.SCORES`.
        """
        counts = self._usual() | dict(self.extra)
        values = {name: METRICS.load(name).value(counted, label_set) for name, counted in counts.items()}
        named = {schema.score(role, name): value for name, value in values.items()}
        for name, iou in zip(label_set.classes, self.full.iou().tolist(), strict=True):
            named[schema.class_iou(role, name)] = iou
        return {name: value for name, value in named.items() if value == value}  # not NaN

    def _usual(self) -> dict[str, PixelCounts]:
        """The matrices, by the scores that every evaluation gives of them."""
        names = [score.name for score in schema.SCORES if score.always]
        return {name: self.resized if METRICS.load(name).at_input_size else self.full for name in names}

    def state_dict(self) -> dict[str, Any]:
        """The counts, for a checkpoint."""
        matrices = {"full": self.full.counts, "resized": self.resized.counts}
        extra = {name: counted.counts for name, counted in self.extra.items()}
        return {**matrices, "extra": extra} if extra else matrices

    @classmethod
    def from_state_dict(cls, state: Mapping[str, Any]) -> "Scores":
        """The scores that gave `state`. Metrics that this version does not know are left out."""
        full, resized = (ConfusionMatrix.from_counts(state[name]) for name in ("full", "resized"))
        extra = {
            name: _counted(METRICS.load(name).counts, full.num_classes, counts)
            for name, counts in state.get("extra", {}).items()
            if name in METRICS
        }
        return cls(full, resized, extra)


def _counted(kind: type[PixelCounts], num_classes: int, counts: Tensor) -> PixelCounts:
    counted = kind(num_classes, counts.device)
    counted.counts += counts
    return counted


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
    def from_state_dict(cls, state: Mapping[str, Any]) -> "Result":
        """The result that gave `state`."""
        return cls(state["step"], {role: Scores.from_state_dict(saved) for role, saved in state["scores"].items()})
