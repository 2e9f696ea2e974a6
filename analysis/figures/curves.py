"""Curves of seed groups: a mean line over training and the spread of the seeds around it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd

from analysis.errors import AnalysisError
from analysis.seeds.groups import SeedGroup, number
from analysis.seeds.statistics import Summary, smooth
from msl import schema

if TYPE_CHECKING:
    from analysis.store import Store

Axis = Literal["step", "epoch"]
POINTS = 400  # of a run's curve: more than a figure has pixels for
_EPOCH_ITERS = schema.param("epoch_iters")


@dataclass(frozen=True)
class Band:
    """One group's curve of one metric. Between two evaluations of a run its curve is a straight line."""

    group: str
    metric: str
    x: tuple[float, ...]  # iterations or epochs, where all seeds have begun and none has ended
    seeds: tuple[Summary, ...]  # of the values at each x

    @property
    def means(self) -> list[float]:
        """The line."""
        return [summary.mean for summary in self.seeds]

    @property
    def lows(self) -> list[float]:
        """Mean minus standard deviation; the mean itself of a single seed."""
        return [summary.mean - _or_zero(summary.std) for summary in self.seeds]

    @property
    def highs(self) -> list[float]:
        """Mean plus standard deviation; the mean itself of a single seed."""
        return [summary.mean + _or_zero(summary.std) for summary in self.seeds]


def bands(
    store: "Store",
    groups: Mapping[str, SeedGroup],
    metrics: Sequence[str],
    axis: Axis = "step",
    smoothing: float = 0.0,
) -> dict[str, list[Band]]:
    """The curves of each metric, one for each group that logged it; metrics that none logged as a number are left out.

    Args:
        store: that the groups' runs are from.
        groups: from `analysis.seeds.groups.seed_groups`.
        metrics: full names, such as ``target/mIoU`` or ``loss/source``.
        axis: training iterations, or epochs.
        smoothing: weight of what came before in [0, 1), see `analysis.seeds.statistics.smooth`.

    Raises:
        AnalysisError: epochs are asked for, and the runs do not say how long these are; the store cannot be read.
    """
    run_ids = [run_id for group in groups.values() for run_id in group.run_ids]
    asked = [metric for metric in metrics if any(metric in group.runs for group in groups.values())]
    if not asked:
        return {}
    rows = store.history(run_ids, asked, POINTS)
    rows = rows[np.isfinite(rows["value"])].drop_duplicates(["run_id", "metric", "step"], keep="last")
    curves = {key: curve.set_index("step")["value"] for key, curve in rows.groupby(["run_id", "metric"])}
    drawn = {
        metric: [
            band
            for group in groups.values()
            for band in [_band(group, metric, curves, _unit(group, axis), smoothing)]
            if band is not None
        ]
        for metric in asked
    }
    return {metric: found for metric, found in drawn.items() if found}


def _band(
    group: SeedGroup,
    metric: str,
    curves: Mapping[tuple[str, str], "pd.Series[float]"],
    unit: float,
    smoothing: float,
) -> Band | None:
    own = [smooth(curve, smoothing) for run_id in group.run_ids if (curve := curves.get((run_id, metric))) is not None]
    if not own:
        return None
    first, last = max(curve.index[0] for curve in own), min(curve.index[-1] for curve in own)
    steps = sorted({step for curve in own for step in curve.index if first <= step <= last})
    if not steps:
        return None
    values = np.array([np.interp(steps, curve.index.to_numpy(), curve.to_numpy()) for curve in own])
    return Band(group.name, metric, tuple(step / unit for step in steps), tuple(map(Summary.of, values.T.tolist())))


def _unit(group: SeedGroup, axis: Axis) -> float:
    """Iterations in one step of the axis."""
    if axis == "step":
        return 1.0
    length = number(group.one(_EPOCH_ITERS))
    if not length > 0:
        raise AnalysisError(f"the runs of {group.name!r} do not say how long an epoch is; use the axis step")
    return length


def _or_zero(value: float) -> float:
    return value if value == value else 0.0
