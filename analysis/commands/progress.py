"""The runs in progress: how far each is, what it scores, and when it last gave a sign of life."""

import math
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from analysis.seeds import SeedGroup
from analysis.store import passed_over_text
from analysis.store.columns import in_milliseconds
from analysis.tables import ID_DIGITS, NOTHING, Cell, Column, Footnotes, Table, number_text, text_cell
from msl import schema

if TYPE_CHECKING:
    from analysis.store import RunTables, Store

_MIOU = schema.score(schema.TARGET, schema.MIOU)
_SILENCE = "dead: no sign of life for ten minutes. It was killed, or is cut off from the server; `resume` continues it"
_UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))

_COLUMNS = (
    Column("run", "run_id", numeric=False),
    Column("stage", "stage", numeric=False),
    Column("seed", "seed"),
    Column("iteration", "step"),
    Column("of", "iterations"),
    Column("loss", "loss"),
    Column(schema.heading(_MIOU), _MIOU),
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
        """The iterations that its stage trains; NaN where the settings do not tell."""
        return SeedGroup(self.run_id, pd.DataFrame([self.params]), 0, 0).iterations

    @property
    def loss(self) -> float:
        """Sum of the weighted parts of the newest interval."""
        parts = [point for name, point in self.last.items() if schema.is_loss(name)]
        newest = max((point.step for point in parts), default=0)
        return sum(point.value for point in parts if point.step == newest) if parts else math.nan

    @property
    def sign(self) -> float:
        """When it last wrote something, in seconds, UTC; NaN if never."""
        times = [point.time for point in self.last.values()]
        with suppress(ValueError):  # other people's runs have none
            times.append(datetime.fromisoformat(self.tags.get(schema.HEARTBEAT, "")).timestamp())
        return max(times, default=math.nan)

    def value(self, metric: str) -> float:
        """The newest value; NaN if there is none."""
        return self.last[metric].value if metric in self.last else math.nan


def progress_table(store: "Store", experiment: str | None, now: datetime) -> Table:
    """The runs in progress, the oldest first.

    Args:
        store: to read.
        experiment: name of the one to read; all if left out.
        now: the time, with its zone.

    Raises:
        AnalysisError: the experiment cannot be found, or the store cannot be read.
    """
    store.require(experiment)
    tables = store.tables(experiment, schema.RUNNING)
    marked = tables.marked()
    passed_over = len(tables.runs) - len(marked.runs)
    runs = _runs(store, marked)
    signs = {run.run_id: run.sign for run in runs}
    for run in runs:  # a run that waits for its child gives no sign itself
        parent = run.tags.get(schema.MLFLOW_PARENT, "")
        if parent in signs and not signs[parent] >= run.sign:
            signs[parent] = run.sign
    footnotes = Footnotes()
    rows = [_row(run, max(now.timestamp() - signs[run.run_id], 0.0), footnotes) for run in runs]
    caption = f"{len(rows) or 'no'} run{'' if len(rows) == 1 else 's'} in progress, {now.astimezone(UTC):%H:%M:%S} UTC"
    if passed_over:
        caption += f"; {passed_over_text(passed_over)}"
    return Table(caption, _COLUMNS, tuple(rows), footnotes.texts)


def _runs(store: "Store", tables: "RunTables") -> list[_Run]:
    tags, params = _texts(tables.tags), _texts(tables.params)
    latest = _rewound(store, tables.latest)
    points: dict[str, dict[str, _Point]] = {}
    latest = latest.assign(timestamp=in_milliseconds(latest["timestamp"].to_numpy(np.int64)))
    for run_id, name, step, time, value in latest.itertuples(index=False):
        points.setdefault(run_id, {})[name] = _Point(int(step), int(time) / 1000, float(value))
    for run_id, run_tags in tags.items():  # a resume may change the budget
        changed = {k.removeprefix(schema.CHANGED_PREFIX): v for k, v in run_tags.items() if _is_change(k)}
        params.setdefault(run_id, {}).update({schema.param(name): value for name, value in changed.items()})
    started = tables.runs.sort_values("start", kind="stable")
    return [
        _Run(run_id, experiment, tags.get(run_id, {}), params.get(run_id, {}), points.get(run_id, {}))
        for run_id, experiment in zip(started["run_id"], started["experiment"], strict=True)
    ]


def _texts(long: pd.DataFrame) -> dict[str, dict[str, str]]:
    texts: dict[str, dict[str, str]] = {}
    for run_id, key, value in long.itertuples(index=False):
        texts.setdefault(run_id, {})[key] = value
    return texts


def _rewound(store: "Store", latest: pd.DataFrame) -> pd.DataFrame:
    """The last rows; of resumed runs the last since the resume, where MLflow still tells those of the highest step."""
    resumed = set(latest.loc[latest["key"] == schema.ATTEMPT, "run_id"])
    if not resumed:
        return latest
    is_resumed = latest["run_id"].isin(resumed)
    metrics = [key for key in latest.loc[is_resumed, "key"].unique() if _is_shown(key)]
    history = store.history(sorted(resumed), metrics)
    last = history.groupby(["run_id", "metric"], observed=True).tail(1)
    last = last.assign(timestamp=last["timestamp"].astype("int64")).rename(columns={"metric": "key"})
    return pd.concat([latest[~is_resumed], last[list(latest.columns)]])


def _is_change(tag: str) -> bool:
    return tag.startswith(schema.CHANGED_PREFIX)


def _is_shown(metric: str) -> bool:
    return metric in (schema.ATTEMPT, _MIOU, schema.IMAGES_PER_S) or schema.is_loss(metric)


def _row(run: _Run, silence: float, footnotes: Footnotes) -> tuple[Cell, ...]:
    seed = run.params.get(schema.param(schema.SEED), "")
    miou, speed = run.value(_MIOU), run.value(schema.IMAGES_PER_S)
    return (
        text_cell(run.run_id[:ID_DIGITS]),
        text_cell(run.tags.get(schema.STAGE, "")),
        text_cell(seed),
        Cell(_fixed(run.step, 0), (run.step,)),
        Cell(_fixed(run.iterations, 0), (run.iterations,)),
        Cell(number_text(run.loss), (run.loss,)),
        Cell(number_text(miou, schema.unit(_MIOU)), (miou,)),
        Cell(_fixed(speed, 2), (speed,)),
        Cell(_duration(silence), (silence,), footnotes.mark([_SILENCE] if silence >= schema.SILENT_S else [])),
        text_cell(run.experiment),
        text_cell(run.tags.get(schema.GROUP, "")),
    )


def _fixed(value: float, decimals: int) -> str:
    return NOTHING if math.isnan(value) else f"{value:.{decimals}f}"


def _duration(seconds: float) -> str:
    """A duration in the largest unit that fits in it."""
    if math.isnan(seconds):
        return NOTHING
    size, unit = next((pair for pair in _UNITS if seconds >= pair[0]), _UNITS[-1])
    return f"{seconds // size:.0f} {unit}"
