"""Curves of seed groups: the mean over training, and the spread of the seeds around it."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd

from analysis.errors import AnalysisError
from analysis.seeds import LOSSES, SeedGroup, Summary, headline_scores, number, smooth
from msl import schema

if TYPE_CHECKING:
    from analysis.store import Store

Axis = Literal["step", "epoch"]
_DRAWN_BELOW = 1e100  # beyond it, the axis of a plot is an overflow
POINTS = 400  # of a run's curve: more than a figure has pixels for


@dataclass(frozen=True)
class GroupCurve:
    """The curve of a group in one metric. Between two evaluations of a run its curve is a straight line."""

    group: str
    metric: str
    x: tuple[float, ...]  # iterations or epochs, from the first that all seeds have to the last that all have
    seeds: tuple[Summary, ...]  # of the values at each x

    @property
    def means(self) -> list[float]:
        """Mean over the seeds at each x."""
        return [summary.mean for summary in self.seeds]

    @property
    def lows(self) -> list[float]:
        """Mean minus standard deviation; of a single seed the mean."""
        return [summary.mean - _spread(summary) for summary in self.seeds]

    @property
    def highs(self) -> list[float]:
        """Mean plus standard deviation; of a single seed the mean."""
        return [summary.mean + _spread(summary) for summary in self.seeds]


def report_metrics() -> list[str]:
    """The metrics whose curves a report shows: headline scores of the target, mIoU of the source, losses."""
    scores = [schema.score(schema.TARGET, name) for name in headline_scores()]
    return [*scores, schema.score(schema.SOURCE, schema.MIOU), *LOSSES]


def group_curves(
    store: "Store",
    groups: Mapping[str, SeedGroup],
    metrics: Sequence[str],
    axis: Axis = "step",
    smoothing: float = 0.0,
) -> dict[str, list[GroupCurve]]:
    """The curves of each metric, one for each group that logged it; without metrics of which no number was logged.

    Args:
        store: that the groups' runs are from.
        groups: from `analysis.seeds.seed_groups`.
        metrics: full names, such as ``target/mIoU`` or ``loss/source``.
        axis: training iterations, or epochs.
        smoothing: weight of the earlier values in [0, 1), see `analysis.seeds.smooth`.

    Raises:
        AnalysisError: the axis is epochs, and the runs do not say how long an epoch is; the store cannot be read.
    """
    run_ids = [run_id for group in groups.values() for run_id in group.run_ids]
    logged = [metric for metric in metrics if any(metric in group.runs for group in groups.values())]
    if not logged:
        return {}
    rows = store.history(run_ids, logged, POINTS)
    rows = rows[np.abs(rows["value"]) < _DRAWN_BELOW].drop_duplicates(["run_id", "metric", "step"], keep="last")
    runs = {key: curve.set_index("step")["value"] for key, curve in rows.groupby(["run_id", "metric"])}
    curves = {
        metric: [
            curve
            for group in groups.values()
            if (curve := _group_curve(group, metric, runs, _unit(group, axis), smoothing)) is not None
        ]
        for metric in logged
    }
    return {metric: of_groups for metric, of_groups in curves.items() if of_groups}


def _group_curve(
    group: SeedGroup,
    metric: str,
    runs: Mapping[tuple[str, str], "pd.Series[float]"],
    unit: float,
    smoothing: float,
) -> GroupCurve | None:
    curves = [smooth(curve, smoothing) for id_ in group.run_ids if (curve := runs.get((id_, metric))) is not None]
    if not curves:
        return None
    first, last = max(curve.index[0] for curve in curves), min(curve.index[-1] for curve in curves)
    steps = sorted({step for curve in curves for step in curve.index if first <= step <= last})
    if not steps:
        return None
    values = np.array([np.interp(steps, curve.index.to_numpy(), curve.to_numpy()) for curve in curves])
    summaries = tuple(map(Summary.of, values.T.tolist()))
    return GroupCurve(group.name, metric, tuple(step / unit for step in steps), summaries)


def _unit(group: SeedGroup, axis: Axis) -> float:
    """Iterations in one unit of the axis."""
    if axis == "step":
        return 1.0
    length = number(group.setting("epoch_iters"))
    if not length > 0:
        raise AnalysisError(f"the runs of {group.name!r} do not say how long an epoch is; use the axis step")
    return length


def _spread(summary: Summary) -> float:
    return 0.0 if math.isnan(summary.std) else summary.std
