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

    It holds two confusion matrices, `full` for labels at full resolution and `resized` for labels resized to the
    network's input (with `Scored.resize_labels` the two are equal), and the counts of each extra metric by its name.
    """

    full: ConfusionMatrix
    resized: ConfusionMatrix
    extra: Mapping[str, PixelCounts] = field(default_factory=dict)

    def metrics(self, role: str, label_set: LabelSet) -> dict[str, float]:
        """Every score under its name in the run store, in the unit of `msl.schema.SCORES`.

        A score without a value, such as the IoU of a class that does not occur, is left out.
        """
        counts_of = self._standard_counts() | dict(self.extra)
        values = {
            schema.score(role, name): METRICS.load(name).value(counts, label_set) for name, counts in counts_of.items()
        }
        for name, iou in zip(label_set.classes, self.full.iou().tolist(), strict=True):
            values[schema.class_iou(role, name)] = iou
        return {name: value for name, value in values.items() if value == value}  # not NaN

    def _standard_counts(self) -> dict[str, PixelCounts]:
        """The matrix of each score that every evaluation gives, by the score's name."""
        names = [score.name for score in schema.SCORES if score.always]
        return {name: self.resized if METRICS.load(name).at_input_size else self.full for name in names}

    def state_dict(self) -> dict[str, Any]:
        """The counts, for a checkpoint."""
        matrices = {"full": self.full.counts, "resized": self.resized.counts}
        extra = {name: pixel_counts.counts for name, pixel_counts in self.extra.items()}
        return {**matrices, "extra": extra} if extra else matrices

    @classmethod
    def from_state_dict(cls, state: Mapping[str, Any]) -> "Scores":
        """The scores whose `state_dict` is `state`, without metrics that this version does not know."""
        full, resized = (ConfusionMatrix.from_counts(state[name]) for name in ("full", "resized"))
        extra = {
            name: _restore(METRICS.load(name).counts, full.num_classes, counts)
            for name, counts in state.get("extra", {}).items()
            if name in METRICS
        }
        return cls(full, resized, extra)


def _restore(kind: type[PixelCounts], num_classes: int, counts: Tensor) -> PixelCounts:
    pixel_counts = kind(num_classes, counts.device)
    pixel_counts.counts += counts
    return pixel_counts


@dataclass(frozen=True)
class Result:
    """One evaluation: the scores of each domain after a step, and the criteria that need no labels."""

    step: int
    scores: dict[str, Scores]
    criteria: Mapping[str, float] = field(default_factory=dict)  # by their names in the run store

    def metrics(self, label_set: LabelSet) -> dict[str, float]:
        """Every score and criterion under its name in the run store."""
        scores = {k: v for role, scores in self.scores.items() for k, v in scores.metrics(role, label_set).items()}
        return scores | dict(self.criteria)

    def criterion(self, name: str) -> float | None:
        """The value of a criterion by the name that the settings give it; None if it has none."""
        if name == schema.SOURCE_RISK:
            return self.scores[schema.SOURCE].full.mean_iou() if schema.SOURCE in self.scores else None
        return self.criteria.get(schema.criterion(name))

    @property
    def target_miou(self) -> float | None:
        """The score that chooses `best`, an oracle's choice; None if no target was scored."""
        return self.scores[schema.TARGET].full.mean_iou() if schema.TARGET in self.scores else None

    def state_dict(self) -> dict[str, Any]:
        """Plain values for a checkpoint."""
        scores = {role: scores.state_dict() for role, scores in self.scores.items()}
        state = {"step": self.step, "scores": scores}
        return {**state, "criteria": dict(self.criteria)} if self.criteria else state

    @classmethod
    def from_state_dict(cls, state: Mapping[str, Any]) -> "Result":
        """The result whose `state_dict` is `state`."""
        scores = {role: Scores.from_state_dict(scores) for role, scores in state["scores"].items()}
        return cls(state["step"], scores, state.get("criteria", {}))  # older files have none
