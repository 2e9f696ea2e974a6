"""MLflow's database as tidy frames: one query a question, where MLflow's own client asks once a run and metric."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import sqlalchemy as sa
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import SQLAlchemyError

from analysis.errors import AnalysisError, unknown
from msl import schema


def _table(name: str, *columns: str) -> sa.TableClause:
    return sa.table(name, *(sa.column(column) for column in columns))


# What is read of MLflow's schema (revision dc11669786a5).
_EXPERIMENTS = _table("experiments", "experiment_id", "name", "lifecycle_stage")
_RUNS = _table("runs", "run_uuid", "name", "experiment_id", "status", "start_time", "end_time", "lifecycle_stage")
_METRICS = _table("metrics", "run_uuid", "key", "step", "timestamp", "value", "is_nan")
_LATEST = _table("latest_metrics", "run_uuid", "key", "value", "is_nan")
_PARAMS = _table("params", "run_uuid", "key", "value")
_TAGS = _table("tags", "run_uuid", "key", "value")

_INFINITE = 1.79e308  # MLflow stores ±inf as the largest double, and NaN as 0 with a flag
_IDS = 500  # run IDs in one query: SQLite allows few parameters


class Store:
    """A run store, opened for reading only. Deleted runs and experiments are left out; times are UTC."""

    def __init__(self, uri: str) -> None:
        self.uri = uri
        try:
            self._engine = sa.create_engine(_read_only(uri))
            self._frame(sa.select(_RUNS.c.run_uuid).limit(1))
        except (SQLAlchemyError, ImportError) as error:
            raise AnalysisError(f"{uri} cannot be read as a run store: {str(error).splitlines()[0]}") from error

    def experiments(self) -> list[str]:
        """Names of the experiments."""
        active = _EXPERIMENTS.c.lifecycle_stage == "active"
        return list(self._frame(sa.select(_EXPERIMENTS.c.name).where(active))["name"])

    def runs(self, experiment: str | None = None, filter: Mapping[str, object] | None = None) -> pd.DataFrame:
        """One row a run: ``run_id name experiment status start end``, its tags and parameters, its last metrics.

        Args:
            experiment: name of the one to read; all if left out.
            filter: values that columns must have, such as ``{"msl.stage": "adapt", "status": "FINISHED"}``.

        Raises:
            AnalysisError: there is no such experiment, or no such column to filter by.
        """
        if experiment is not None and experiment not in (names := self.experiments()):
            raise unknown("experiment", experiment, names)
        chosen = self._chosen(experiment)
        runs = self._frame(chosen).set_index("run_id")
        for column in ("start", "end"):
            runs[column] = pd.to_datetime(runs[column], unit="ms", utc=True)
        for table in (_TAGS, _PARAMS, _LATEST):
            # A join and not a list of IDs: the database does the choosing, however many runs there are.
            ids = chosen.subquery()
            query = sa.select(*table.c).join_from(table, ids, ids.c.run_id == table.c.run_uuid)
            runs = _joined(runs, self._frame(query))
        for column, value in (filter or {}).items():
            if column not in runs:
                raise unknown("column", column, runs.columns)
            runs = runs[runs[column] == value]
        return runs.reset_index()

    def history(
        self, run_ids: Sequence[str], metrics: Iterable[str] | None = None, max_points: int | None = None
    ) -> pd.DataFrame:
        """Every logged value as ``run_id metric step value timestamp``, sorted in that order.

        Of a resumed run, rows logged behind the step that it was resumed from are left out: they were trained again.

        Args:
            run_ids: the runs.
            metrics: names of the metrics; all if left out.
            max_points: at most so many rows a curve; of each stretch the lowest and the highest value stay.
        """
        names = None if metrics is None else list(metrics)
        parts = [self._rows(run_ids[i : i + _IDS], names) for i in range(0, max(len(run_ids), 1), _IDS)]
        rows = _without_superseded(pd.concat(parts, ignore_index=True))
        if names is not None and schema.ATTEMPT not in names:
            rows = rows[rows["metric"] != schema.ATTEMPT]
        rows = rows.sort_values(["run_id", "metric", "step", "timestamp"], ignore_index=True)
        return rows if max_points is None else _thinned(rows, max_points)

    def _chosen(self, experiment: str | None) -> sa.Select[tuple[object, ...]]:
        of_experiment = _RUNS.c.experiment_id == _EXPERIMENTS.c.experiment_id
        query = (
            sa.select(
                _RUNS.c.run_uuid.label("run_id"),
                _RUNS.c.name,
                _EXPERIMENTS.c.name.label("experiment"),
                _RUNS.c.status,
                _RUNS.c.start_time.label("start"),
                _RUNS.c.end_time.label("end"),
            )
            .join_from(_RUNS, _EXPERIMENTS, of_experiment)
            .where(_RUNS.c.lifecycle_stage == "active", _EXPERIMENTS.c.lifecycle_stage == "active")
        )
        return query if experiment is None else query.where(_EXPERIMENTS.c.name == experiment)

    def _rows(self, run_ids: Sequence[str], names: Sequence[str] | None) -> pd.DataFrame:
        query = sa.select(*_METRICS.c).where(_METRICS.c.run_uuid.in_(run_ids))
        if names is not None:
            query = query.where(_METRICS.c.key.in_([*names, schema.ATTEMPT]))
        rows = _restored(self._frame(query)).rename(columns={"run_uuid": "run_id", "key": "metric"})
        rows["timestamp"] = pd.to_datetime(rows["timestamp"], unit="ms", utc=True)
        return rows[["run_id", "metric", "step", "value", "timestamp"]]

    def _frame(self, query: sa.Select[tuple[object, ...]]) -> pd.DataFrame:
        with self._engine.connect() as connection:
            result = connection.execute(query)
            return pd.DataFrame(result.fetchall(), columns=list(result.keys()))


def _read_only(uri: str) -> URL:
    """The database's address, with SQLite told not to write, and not to make a file that is not there."""
    if uri.startswith(("http://", "https://")):
        raise AnalysisError(f"{uri} is a server; pass the URI of its database, such as sqlite:///mlflow.db")
    url = make_url(uri)
    if not url.drivername.startswith("sqlite"):
        return url
    if not url.database or not Path(url.database).is_file():
        raise AnalysisError(f"{uri}: no such database. Runs are in mlflow.db of the folder they were started in.")
    return url.set(database=f"file:{Path(url.database).absolute()}", query={"mode": "ro", "uri": "true"})


def _joined(runs: pd.DataFrame, values: pd.DataFrame) -> pd.DataFrame:
    """Runs with a column for each key; what `mlflow run` repeats under a name that is taken already is left out."""
    values = _restored(values) if "is_nan" in values else values
    wide = values.pivot(index="run_uuid", columns="key", values="value")
    return runs.join(wide[wide.columns.difference(runs.columns)])


def _restored(rows: pd.DataFrame) -> pd.DataFrame:
    """Values as they were logged: NaN and ±inf, which MLflow encodes."""
    value = rows["value"].astype("float64")
    value = value.mask(rows["is_nan"].astype(bool))
    return rows.assign(value=value.mask(value >= _INFINITE, np.inf).mask(value <= -_INFINITE, -np.inf))


def _without_superseded(rows: pd.DataFrame) -> pd.DataFrame:
    """Drop what a run logged behind the step that it was later resumed from."""
    resumed = rows.loc[rows["metric"] == schema.ATTEMPT, ["run_id", "step", "timestamp"]]
    for run_id, step, time in resumed.itertuples(index=False):
        superseded = (rows["run_id"] == run_id) & (rows["step"] > step) & (rows["timestamp"] < time)
        rows = rows[~superseded]
    return rows


def _thinned(rows: pd.DataFrame, max_points: int) -> pd.DataFrame:
    """Of each curve, the lowest and the highest value of each of max_points / 2 stretches of rows."""
    curves = rows.groupby(["run_id", "metric"], sort=False)["value"]
    place, length = curves.cumcount(), curves.transform("size")
    stretch = place * max(max_points // 2, 1) // length
    values = rows["value"].groupby([rows["run_id"], rows["metric"], stretch], sort=False)
    kept = values.idxmin(skipna=True).tolist() + values.idxmax(skipna=True).tolist()
    short = rows.index[length <= max_points]
    return rows.loc[sorted({*kept, *short})].reset_index(drop=True)
