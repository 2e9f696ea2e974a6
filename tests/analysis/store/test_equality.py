"""Row for row what MLflow's own client tells, in every store."""

import math
import sys

import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa
from mlflow.tracking import MlflowClient

from analysis import open_store
from analysis.errors import AnalysisError
from analysis.store.columns import HISTORY, Codebook
from analysis.store.database import METRICS

pytestmark = pytest.mark.xdist_group("stores")  # so that one worker starts PostgreSQL and the server

PLANTED = "planted"
ODD = 'it\'s 100% "odd"\n<b>name</b> %s :x'
LARGEST = sys.float_info.max


def of_client(uri):
    client = MlflowClient(tracking_uri=uri)
    return client, client.search_runs([client.get_experiment_by_name(PLANTED).experiment_id])


def as_logged(value):
    """MLflow's SQL store holds ±inf as the largest double and tells it so."""
    return math.copysign(math.inf, value) if abs(value) == LARGEST else value


def test_runs(planted):
    our_runs = open_store(planted).runs(PLANTED).set_index("run_id")
    _, runs = of_client(planted)
    assert len(our_runs) == len(runs) == 6
    for run in runs:
        row = our_runs.loc[run.info.run_id]
        assert (row["name"], row["status"], row["experiment"]) == (run.info.run_name, run.info.status, PLANTED)
        assert row["start"] == pd.Timestamp(run.info.start_time, unit="ms", tz="UTC")
        end = run.info.end_time
        assert pd.isna(row["end"]) if end is None else row["end"] == pd.Timestamp(end, unit="ms", tz="UTC")
        told = run.data.params | run.data.tags | {key: as_logged(v) for key, v in run.data.metrics.items()}
        assert {key: row[key] for key in told if row[key] == row[key]} == {k: v for k, v in told.items() if v == v}
        assert {key for key in row.index[row.notna()] if key not in told} <= {
            "name",
            "experiment",
            "status",
            "start",
            "end",
        }
    assert our_runs["p"].tolist() == [ODD] * 6


def test_the_runs_of_a_status(planted):
    tables = open_store(planted).tables(PLANTED, "RUNNING")
    assert tables.runs["name"].tolist() == ["none"]
    assert set(tables.params["run_id"]) == set(tables.runs["run_id"])
    (failed,) = open_store(planted).tables(PLANTED, "FAILED").latest.query("key == 'm'").itertuples(index=False)
    assert tuple(failed)[1:] == ("m", 6, 5000, -1e-300)


def test_every_row(planted):
    store = open_store(planted)
    client, runs = of_client(planted)
    ids = [run.info.run_id for run in runs]
    codebook = Codebook()
    portions = list(store.rows(ids, None, codebook))
    names, keys = list(codebook.runs), list(codebook.metrics)
    rows = [
        (names[run], keys[metric], step, value if value == value else "NaN", time)
        for portion in portions
        for run, metric, step, value, time in zip(*(column.tolist() for column in portion), strict=True)
    ]
    told = [
        (run.info.run_id, m.key, m.step, as_logged(m.value) if m.value == m.value else "NaN", m.timestamp)
        for run in runs
        for key in run.data.metrics
        for m in client.get_metric_history(run.info.run_id, key)
    ]
    assert len(told) == 30_000 + 8 + 5 + 81 + 3
    assert sorted(rows, key=str) == sorted(told, key=str)


def test_a_history_has_all_rows_but_the_superseded(planted):
    store = open_store(planted)
    runs = store.runs(PLANTED).set_index("name")["run_id"]
    history = store.history(runs)
    assert list(history.columns) == HISTORY
    assert str(history["timestamp"].dtype) == "datetime64[ms, UTC]"
    assert len(history) == 30_000 + 8 + 5 + 61 + 3
    resumed = history[(history["run_id"] == runs["resumed"]) & (history["metric"] == "m")]
    assert resumed["step"].tolist() == list(range(60))
    assert resumed["value"].tolist() == [s / 7 for s in range(20)] + [-s / 7 for s in range(20, 60)]
    duplicates = history[history["run_id"] == runs["duplicates"]]["value"].to_numpy()
    np.testing.assert_array_equal(duplicates, [0.0, 1.0, 2.0, math.nan, 1.0])
    strange = history[(history["run_id"] == runs["strange"]) & (history["metric"] == "m")]["value"].to_numpy()
    np.testing.assert_array_equal(strange, [math.nan, math.inf, -math.inf, 0.0, -0.0, 1e308, -1e-300])
    assert store.history(runs, ["target/IoU/traffic light"])["value"].tolist() == [3.5]


def test_thinned_by_the_database_as_by_hand(planted):
    """The server's histories are thinned here, so that the three agreeing says that SQL does the same."""
    store = open_store(planted)
    runs = store.runs(PLANTED).set_index("name")["run_id"]
    thin = store.history(runs, max_points=200).merge(runs.reset_index(), on="run_id")
    whole = store.history(runs).merge(runs.reset_index(), on="run_id")
    for name in set(runs.index) - {"long"}:
        pd.testing.assert_frame_equal(*(f[f["name"] == name].reset_index(drop=True) for f in (thin, whole)))
    curve, full = (frame[frame["name"] == "long"] for frame in (thin, whole))
    stretch = full["step"] // 300  # 100 stretches of 30 000 steps
    extremes = full.groupby(stretch)["value"].agg(["idxmin", "idxmax"])
    expected = full.loc[sorted(set(extremes.to_numpy().ravel()))].drop(columns="name").reset_index(drop=True)
    pd.testing.assert_frame_equal(curve.drop(columns="name").reset_index(drop=True), expected)
    of_strange = store.history([runs["strange"]], ["m", "all NaN"], max_points=2)
    np.testing.assert_array_equal(of_strange["value"].to_numpy(), [math.nan, math.inf, -math.inf])


def test_a_database_that_vanishes_midway_is_told(planted_postgresql):
    store = open_store(planted_postgresql)
    engine = sa.create_engine(planted_postgresql, poolclass=sa.NullPool, isolation_level="AUTOCOMMIT")
    ends = "select pg_terminate_backend(pid) from pg_stat_activity where state is not null and pid <> pg_backend_pid()"
    with (
        engine.connect() as admin,
        pytest.raises(AnalysisError, match="cannot be read as a run store: the database does not answer"),
        store._portions(sa.select(METRICS.c.step), 1) as portions,
    ):
        next(portions)
        admin.execute(sa.text(ends))
        for _ in portions:
            pass
    assert len(store.runs(PLANTED)) == 6  # it is back


def test_odd_names_are_asked_for_as_they_are(planted):
    store = open_store(planted)
    assert store.runs(PLANTED, {"name": ODD, "odd": ODD})["name"].tolist() == [ODD]
    with pytest.raises(AnalysisError, match="no experiment"):
        store.runs(ODD)
    run_id = store.runs(PLANTED, {"name": "strange"})["run_id"].iloc[0]
    with pytest.raises(AnalysisError, match="no metric"):
        store.history([run_id], [ODD])
    with pytest.raises(AnalysisError, match="no run"):
        store.history([ODD])
    with pytest.raises(AnalysisError, match="no metric 'only here'"):
        store.history([run_id], ["only here"])  # logged by a deleted run
