"""How a run developed: its final losses, and what its curves say in one number."""

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

# They stand before a metric, as best and last do:
FALL = "fall"  # mean of a loss over the last third of training minus that over the first third
DROP = "drop"  # points by which target mIoU is, at worst, below an earlier evaluation
_EVALUATIONS = 5  # that a curve needs to show whether it fluctuates


def with_trends(store: "Store", runs: pd.DataFrame) -> pd.DataFrame:
    """The runs with columns for the losses of the last epoch and for the trends of losses and of target mIoU.

    The columns are ``last/loss/…``, ``fall/loss/…`` and ``drop/target/mIoU``. A loss is logged as the mean over an
    interval, so means over epochs weigh intervals by their length. A loss that was not trained in the last epoch has no
    final value.

    Args:
        store: that the runs are from.
        runs: as `Store.runs` gives them.
    """
    history = store.history(list(runs["run_id"]), [name for name in (*LOSSES, _MIOU) if name in runs])
    curves = dict(iter(history.groupby(["run_id", "metric"])))
    columns: dict[str, list[float]] = {}
    for run in runs.to_dict("records"):
        trained = {loss: curve for loss in LOSSES if (curve := curves.get((run["run_id"], loss))) is not None}
        end = max((int(curve["step"].max()) for curve in trained.values()), default=0)
        epoch = number(str(run.get(_EPOCH_ITERS)))
        for loss in LOSSES:
            last, fall = _ending(trained[loss], end, epoch) if loss in trained else (np.nan, np.nan)
            columns.setdefault(schema.final(schema.LAST, loss), []).append(last)
            columns.setdefault(schema.final(FALL, loss), []).append(fall)
        scores = curves.get((run["run_id"], _MIOU))
        drop = np.nan if scores is None else _largest_drop(scores["value"].to_numpy())
        columns.setdefault(schema.final(DROP, _MIOU), []).append(drop)
    return runs.assign(**columns)


def _ending(curve: pd.DataFrame, end: int, epoch: float) -> tuple[float, float]:
    """Mean over the last epoch of training, and by how much the mean of the last third is above that of the first."""
    steps, values = curve["step"].to_numpy(), curve["value"].to_numpy()
    lengths = np.diff(steps, prepend=0)
    last = int(steps[-1])
    fall = _mean(values, lengths, steps > last * 2 / 3) - _mean(values, lengths, steps <= last / 3)
    return _mean(values, lengths, steps > end - (epoch if epoch > 0 else end)), fall


def _mean(values: np.ndarray, weights: np.ndarray, chosen: np.ndarray) -> float:
    values, weights = values[chosen], weights[chosen]
    if not (total := weights.sum()):
        return np.nan
    with np.errstate(over="ignore", invalid="ignore"):  # of infinite losses, and of those near the largest double
        mean = float((values * weights).sum() / total)
        return mean if np.isfinite(mean) else float((values * (weights / total)).sum())


def _largest_drop(values: Sequence[float] | np.ndarray) -> float:
    numbers = np.asarray(values, dtype=float)
    numbers = numbers[np.isfinite(numbers)]
    if len(numbers) < _EVALUATIONS:
        return np.nan
    with np.errstate(over="ignore"):
        return float((np.maximum.accumulate(numbers) - numbers).max())
