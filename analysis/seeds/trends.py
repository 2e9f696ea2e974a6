"""Final losses and the course of training: what a curve says in one number a run."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from analysis.seeds.groups import number
from msl import schema

if TYPE_CHECKING:
    from analysis.store import Store

LOSSES = (schema.loss(schema.SOURCE), schema.loss(schema.TARGET))
_MIOU = schema.score(schema.TARGET, schema.MIOU)
_EPOCH_ITERS = schema.param("epoch_iters")

COURSE = "course"  # what stands before these, as best and last stand before scores:
FALL = "fall/"  # + a loss: its mean over the last third of training minus that over the first third
_EVALUATIONS = 5  # that a curve needs to show whether it fluctuates
DROP = f"drop/{_MIOU}"  # points by which target mIoU lies, at worst, below an earlier evaluation


def with_courses(store: "Store", runs: pd.DataFrame) -> pd.DataFrame:
    """The runs with columns for the losses of the last epoch (``last/loss/…``) and for their course (``course/…``).

    A loss is logged as the mean over an interval, so means over epochs weigh intervals by their length. A loss that
    was no longer trained in the last epoch has no final value.

    Args:
        store: that the runs are from.
        runs: as `Store.runs` gives them.
    """
    history = store.history(list(runs["run_id"]), [name for name in (*LOSSES, _MIOU) if name in runs])
    curves = dict(iter(history.groupby(["run_id", "metric"])))
    columns: dict[str, list[float]] = {}
    for run in runs.to_dict("records"):
        ends = [int(curve["step"].max()) for loss in LOSSES if (curve := curves.get((run["run_id"], loss))) is not None]
        for loss in LOSSES:
            curve = curves.get((run["run_id"], loss))
            epoch = number(str(run.get(_EPOCH_ITERS)))
            final, fall = (np.nan, np.nan) if curve is None else _ending(curve, max(ends), epoch)
            columns.setdefault(schema.final(schema.LAST, loss), []).append(final)
            columns.setdefault(schema.final(COURSE, FALL + loss), []).append(fall)
        scores = curves.get((run["run_id"], _MIOU))
        columns.setdefault(schema.final(COURSE, DROP), []).append(
            np.nan if scores is None else _largest_drop(scores["value"].to_numpy())
        )
    return runs.assign(**columns)


def _ending(curve: pd.DataFrame, end: int, epoch: float) -> tuple[float, float]:
    """Mean over the last epoch of training, and by how much the curve fell from its first to its last third."""
    steps, values = curve["step"].to_numpy(), curve["value"].to_numpy()
    lengths = np.diff(steps, prepend=0)
    last = int(steps[-1])
    fall = _mean(values, lengths, steps > last * 2 / 3) - _mean(values, lengths, steps <= last / 3)
    return _mean(values, lengths, steps > end - (epoch if epoch > 0 else end)), fall


def _mean(values: np.ndarray, weights: np.ndarray, chosen: np.ndarray) -> float:
    total = weights[chosen].sum()
    return float((values[chosen] * weights[chosen]).sum() / total) if total else np.nan


def _largest_drop(values: Sequence[float] | np.ndarray) -> float:
    numbers = np.asarray(values, dtype=float)
    numbers = numbers[np.isfinite(numbers)]
    if len(numbers) < _EVALUATIONS:
        return np.nan
    return float((np.maximum.accumulate(numbers) - numbers).max())
