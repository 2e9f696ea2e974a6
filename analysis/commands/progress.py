"""The runs that are under way: how far each is, what it scores, and when it last gave a sign of life."""

import math
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pandas as pd

from analysis.seeds import comparability as guard
from analysis.seeds.groups import SeedGroup
from analysis.tables.table import NOTHING, Cell, Column, Footnotes, Sheet, show, text_cell
from msl import schema

if TYPE_CHECKING:
    from analysis.store import Store
    from analysis.store.base import RunTables

_RUNNING = "RUNNING"
_PARENT = "mlflow.parentRunId"
_PARTS = ("loss/", "style/")  # of what is minimised, weighted
_MIOU = schema.score(schema.TARGET, schema.MIOU)
_SHOWN = 8  # hex digits of a run's ID
_SILENT = 600.0  # seconds; evaluations, which give no sign, take minutes
_QUIET = "no sign for ten minutes: in a long evaluation, or killed; then `resume` goes on with it"
_UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))

_COLUMNS = (
    Column("run", "run_id", numeric=False),
    Column("stage", "stage", numeric=False),
    Column("seed", "seed"),
    Column("iteration", "step"),
    Column("of", "iterations"),
    Column("loss", "loss"),
    Column("target mIoU", _MIOU),
    Column("images/s", schema.IMAGES_PER_S),
    Column("last sign", "silence"),
    Column("experiment", "experiment", numeric=False),
    Column("group", "group", numeric=False),
)


@dataclass(frozen=True)
class _Point:
    """The last row of a metric."""

    step: int
    time: float  # seconds, UTC
    value: float


@dataclass(frozen=True)
class _Run:
    run_id: str
    experiment: str
    tags: Mapping[str, str]
    params: Mapping[str, str]
    last: Mapping[str, _Point]

    @property
    def step(self) -> float:
        """Iteration of the newest row; NaN before the first."""
        return max((point.step for point in self.last.values()), default=math.nan)

    @property
    def iterations(self) -> float:
        """All that its stage trains; NaN where the settings do not tell."""
        return guard.iterations(SeedGroup(self.run_id, pd.DataFrame([self.params]), 0, 0))

    @property
    def loss(self) -> float:
        """Sum of the weighted parts of the newest interval."""
        parts = [point for name, point in self.last.items() if name.startswith(_PARTS)]
        newest = max((point.step for point in parts), default=0)
        return sum(point.value for point in parts if point.step == newest) if parts else math.nan

    @property
    def sign(self) -> float:
        """When it last wrote anything, seconds, UTC; NaN if never."""
        times = [point.time for point in self.last.values()]
        with suppress(ValueError):  # a run of somebody else's has none
            times.append(datetime.fromisoformat(self.tags.get(schema.HEARTBEAT, "")).timestamp())
        return max(times, default=math.nan)

    def value(self, metric: str) -> float:
        """The newest value; NaN if there is none."""
        return self.last[metric].value if metric in self.last else math.nan


def under_way(store: "Store", experiment: str | None, now: datetime) -> Sheet:
    """The runs under way, the oldest first.

    Args:
        store: to read.
        experiment: name of the one to read; all if left out.
        now: the time, with its zone.

    Raises:
        AnalysisError: there is no such experiment, or the store cannot be read.
    """
    store.require(experiment)
    runs = _runs(store, store.tables(experiment, _RUNNING))
    signs = {run.run_id: run.sign for run in runs}
    for run in runs:  # one that waits for its child gives no sign of its own
        parent = run.tags.get(_PARENT, "")
        if parent in signs and not signs[parent] >= run.sign:
            signs[parent] = run.sign
    footnotes = Footnotes()
    rows = [_row(run, max(now.timestamp() - signs[run.run_id], 0.0), footnotes) for run in runs]
    caption = f"{len(rows) or 'no'} run{'' if len(rows) == 1 else 's'} under way, {now.astimezone(UTC):%H:%M:%S} UTC"
    return Sheet(caption, _COLUMNS, tuple(rows), footnotes.texts)


def _runs(store: "Store", tables: "RunTables") -> list[_Run]:
    tags, params = _texts(tables.tags), _texts(tables.params)
    latest = _rewound(store, tables.latest)
    points: dict[str, dict[str, _Point]] = {}
    for run_id, name, step, time, value in latest.itertuples(index=False):
        points.setdefault(run_id, {})[name] = _Point(int(step), int(time) / 1000, float(value))
    began = tables.runs.sort_values("start", kind="stable")
    return [
        _Run(run_id, experiment, tags.get(run_id, {}), params.get(run_id, {}), points.get(run_id, {}))
        for run_id, experiment in zip(began["run_id"], began["experiment"], strict=True)
    ]


def _texts(long: pd.DataFrame) -> dict[str, dict[str, str]]:
    texts: dict[str, dict[str, str]] = {}
    for run_id, key, value in long.itertuples(index=False):
        texts.setdefault(run_id, {})[key] = value
    return texts


def _rewound(store: "Store", latest: pd.DataFrame) -> pd.DataFrame:
    """The last rows; of resumed runs not those trained again, which MLflow calls the latest until they are passed."""
    resumed = set(latest.loc[latest["key"] == schema.ATTEMPT, "run_id"])
    if not resumed:
        return latest
    own = latest["run_id"].isin(resumed)
    history = store.history(sorted(resumed), [key for key in latest.loc[own, "key"].unique() if _is_shown(key)])
    last = history.groupby(["run_id", "metric"], observed=True).tail(1)
    last = last.assign(timestamp=last["timestamp"].astype("int64")).rename(columns={"metric": "key"})
    return pd.concat([latest[~own], last[list(latest.columns)]])


def _is_shown(metric: str) -> bool:
    return metric in (schema.ATTEMPT, _MIOU, schema.IMAGES_PER_S) or metric.startswith(_PARTS)


def _row(run: _Run, silence: float, footnotes: Footnotes) -> tuple[Cell, ...]:
    seed = run.params.get(schema.param(schema.SEED), "")
    miou, speed = run.value(_MIOU), run.value(schema.IMAGES_PER_S)
    return (
        text_cell(run.run_id[:_SHOWN]),
        text_cell(run.tags.get(schema.STAGE, "")),
        text_cell(seed),
        Cell(_whole(run.step), (run.step,)),
        Cell(_whole(run.iterations), (run.iterations,)),
        Cell(show(run.loss, percent=False), (run.loss,)),
        Cell(show(miou), (miou,)),
        Cell(show(speed), (speed,)),
        Cell(_duration(silence), (silence,), footnotes.mark([_QUIET] if silence >= _SILENT else [])),
        text_cell(run.experiment),
        text_cell(run.tags.get(schema.GROUP, "")),
    )


def _whole(value: float) -> str:
    return NOTHING if math.isnan(value) else f"{value:.0f}"


def _duration(seconds: float) -> str:
    """In the largest unit of which there is one."""
    if math.isnan(seconds):
        return NOTHING
    size, unit = next((pair for pair in _UNITS if seconds >= pair[0]), _UNITS[-1])
    return f"{seconds // size:.0f} {unit}"
