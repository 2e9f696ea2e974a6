import contextlib
import math
import sqlite3
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa
from mlflow.tracking import MlflowClient

from analysis import open_store
from analysis.errors import AnalysisError
from analysis.store import database


def test_one_row_a_run(store, add_run):
    first = add_run("a", 1, {"target/mIoU": 30.5}, lambda_target=0.1)
    second = add_run("b", 2, {"target/PA": 70.0}, status="FAILED", start=2000)
    runs = open_store(store).runs().set_index("run_id")
    assert set(runs.index) == {first, second}
    assert runs.loc[first, "status"] == "FINISHED"
    assert runs.loc[second, "status"] == "FAILED"
    assert runs.loc[first, "start"] == pd.Timestamp("1970-01-01T00:00:01Z")
    assert runs.loc[first, "end"] == pd.Timestamp("1970-01-01T00:00:01.5Z")
    assert runs.loc[first, ["msl.group", "cfg.seed", "cfg.lambda_target"]].tolist() == ["a", "1", "0.1"]
    assert runs.loc[first, "target/mIoU"] == 30.5
    assert math.isnan(runs.loc[second, "target/mIoU"])
    assert (runs["experiment"] == "exp").all()


def test_equals_what_mlflows_client_tells(store, add_run):
    for seed in range(3):
        add_run("a", seed, {"m": [(s, seed + s / 10, 1000 + s) for s in range(5)], "n": 1.0})
    runs = open_store(store).runs("exp").set_index("run_id")
    experiment = MlflowClient().get_experiment_by_name("exp").experiment_id
    for run in MlflowClient().search_runs([experiment]):
        row = runs.loc[run.info.run_id]
        assert row["name"] == run.info.run_name
        assert row["status"] == run.info.status
        assert all(row[key] == value for key, value in run.data.metrics.items())
        assert all(row[key] == value for key, value in run.data.params.items())
        assert all(row[key] == value for key, value in run.data.tags.items())
        history = open_store(store).history([run.info.run_id], ["m"])
        expected = MlflowClient().get_metric_history(run.info.run_id, "m")
        assert [(r.step, r.value, r.timestamp.value // 10**6) for r in history.itertuples()] == [
            (m.step, m.value, m.timestamp) for m in expected
        ]


def test_choosing_by_experiment_and_by_column(store, add_run):
    wanted = add_run("a", 0, experiment="one")
    add_run("b", 0, experiment="one")
    add_run("a", 0, experiment="two")
    assert open_store(store).runs("one", {"msl.group": "a"})["run_id"].tolist() == [wanted]
    with pytest.raises(AnalysisError, match="no experiment 'onne' in this store; nearest: one"):
        open_store(store).runs("onne")
    with pytest.raises(AnalysisError, match=r"no column 'msl.grup' in this store; nearest: msl.group"):
        open_store(store).runs(filter={"msl.grup": "a"})


def test_deleted_runs_and_experiments_are_left_out(store, add_run):
    live, gone = add_run("a", 0), add_run("a", 1)
    add_run("a", 2, experiment="other")
    client = MlflowClient()
    client.delete_run(gone)
    client.delete_experiment(client.get_experiment_by_name("other").experiment_id)
    opened = open_store(store)
    assert opened.runs()["run_id"].tolist() == [live]
    assert opened.experiments() == ["Default", "exp"]


def test_what_is_no_number_comes_back_as_it_was_logged(store, add_run):
    values = [math.nan, math.inf, -math.inf, 0.0, 1e308]
    run_id = add_run("a", 0, {"m": [(s, v, 1000) for s, v in enumerate(values)]})
    history = open_store(store).history([run_id])["value"].to_numpy()
    np.testing.assert_array_equal(history, values)


def test_rows_behind_the_step_of_a_resume_are_superseded(store, add_run):
    run_id = add_run(
        "a",
        0,
        {
            "m": [(2, 1.0, 1000), (4, 2.0, 1001), (6, 3.0, 1002), (4, 2.5, 2001), (6, 3.5, 2002), (8, 4.5, 2003)],
            "n": [(6, 9.0, 1002)],
            "attempt": [(2, 2.0, 2000)],
        },
    )
    history = open_store(store).history([run_id], ["m", "n"])
    assert [(r.metric, r.step, r.value) for r in history.itertuples()] == [
        *(("m", 2, 1.0), ("m", 4, 2.5), ("m", 6, 3.5), ("m", 8, 4.5)),
    ]
    everything = open_store(store).history([run_id])
    assert "attempt" in set(everything["metric"])
    thin = open_store(store).history([run_id], ["m", "n"], max_points=2)
    assert list(zip(thin["step"], thin["value"], strict=True)) == [(2, 1.0), (8, 4.5)]


def test_a_second_resume_from_further_back(store, add_run):
    points = [(s, 1.0, 1000 + s) for s in (2, 4, 6)] + [(s, 2.0, 2000 + s) for s in (6, 8)]
    points += [(s, 3.0, 3000 + s) for s in (4, 6)]
    run_id = add_run("a", 0, {"m": points, "attempt": [(4, 2.0, 2000), (2, 3.0, 3000)]})
    history = open_store(store).history([run_id], ["m"])
    assert list(zip(history["step"], history["value"], strict=True)) == [(2, 1.0), (4, 3.0), (6, 3.0)]


def test_many_runs_at_once_and_none(store, add_run, monkeypatch):
    ids = [add_run("a", seed, {"m": float(seed)}) for seed in range(4)]
    monkeypatch.setattr(database, "_IDS_A_QUERY", 3)
    assert sorted(open_store(store).history(ids, ["m"])["value"]) == [0, 1, 2, 3]
    assert len(open_store(store).history(ids, ["m"], max_points=2)) == 4
    empty = open_store(store).history([])
    assert list(empty.columns) == ["run_id", "metric", "step", "value", "timestamp"]
    assert empty.empty


def test_thinning_keeps_peaks(store, add_run):
    values = np.sin(np.arange(1000) / 50)
    values[137], values[731] = 9.0, -9.0
    run_id = add_run("a", 0, {"m": [(s, v, 1000 + s) for s, v in enumerate(values)], "short": 1.0})
    thin = open_store(store).history([run_id], max_points=40)
    curve = thin[thin["metric"] == "m"]
    assert len(curve) <= 40
    assert {9.0, -9.0} <= set(curve["value"])
    assert curve["step"].is_monotonic_increasing
    assert len(thin[thin["metric"] == "short"]) == 1


@pytest.mark.parametrize(("runs", "steps", "max_points"), [(50, 40, 400), (50, 40, 10), (3, 3000, 400)])
@pytest.mark.parametrize("metrics", [None, ["m"]])
def test_a_thinned_history_reads_no_more_than_a_whole_one(store, add_run, runs, steps, max_points, metrics):
    curve = [(s, s % 7.0, 1000 + s) for s in range(steps)]
    ids = [add_run("a", seed, {"m": curve, "n": curve}) for seed in range(runs)]
    opened = open_store(store)
    work = []  # a thousand instructions of SQLite each
    sa.event.listen(opened._engine, "connect", lambda link, _: link.set_progress_handler(lambda: work.append(1), 1000))
    opened.history(ids, metrics)
    whole = len(work)
    thin = opened.history(ids, metrics, max_points)
    assert whole
    assert len(work) - whole <= 1.6 * whole  # some 1.5, with a sort by run; in time at most 1.4, see docs/benchmarks.md
    assert thin.groupby(["run_id", "metric"]).size().max() <= max(max_points, 2)


def test_the_store_is_not_written(store, add_run):
    add_run("a", 0)
    path = Path(store.removeprefix("sqlite:///"))
    before = path.read_bytes()
    path.chmod(0o444)
    opened = open_store(store)
    opened.runs()
    assert path.read_bytes() == before
    with pytest.raises(Exception, match="readonly"):
        opened._engine.connect().exec_driver_sql("delete from runs")


@pytest.mark.parametrize(
    ("uri", "message"),
    [
        ("sqlite:///nowhere.db", "no such database. Runs are in mlflow.db of the folder"),
        ("http://127.0.0.1:9", "tracking server http://127.0.0.1:9 cannot be reached: .*refused"),
        ("sqlite:///empty.db", "is no run store: it has no tables of MLflow"),
        ("sqlite:///text.db", "cannot be read as a run store: .*no SQLite database"),
        ("nonsense", "store nonsense: it is a file store, .* Set MLFLOW_TRACKING_URI to a running server"),
        (
            "postgresql://me:secret@127.0.0.1:9/runs",
            r"me:\*\*\*@127.0.0.1:9/runs cannot be read .*does not answer",
        ),
    ],
)
def test_what_is_no_store_is_refused(uri, message, tmp_path):
    sqlite3.connect(tmp_path / "empty.db").close()
    (tmp_path / "empty.db").touch()
    (tmp_path / "text.db").write_text("this is a text" * 100)
    with pytest.raises(AnalysisError, match=message):
        open_store(uri)
    assert not (tmp_path / "nowhere.db").exists()


def test_unknown_runs_and_metrics_are_told_with_the_nearest(store, add_run):
    run_id = add_run("a", 0, {"target/mIoU": 1.0})
    other = add_run("a", 1, {"loss/source": 1.0})
    gone = add_run("a", 2, {"target/mIoU": 1.0})
    MlflowClient().delete_run(gone)
    opened = open_store(store)
    with pytest.raises(AnalysisError, match=f"no run '{run_id[:-1]}' in this store; nearest: {run_id}"):
        opened.history([run_id[:-1]])
    with pytest.raises(AnalysisError, match=f"no run '{gone}'"):
        opened.history([run_id, gone])
    for max_points in (None, 10):
        with pytest.raises(AnalysisError, match="no metric 'target/mIo' in this store; nearest: target/mIoU"):
            opened.history([run_id], ["target/mIo"], max_points)
    assert opened.history([other], ["target/mIoU"]).empty  # another run has it
    with pytest.raises(AnalysisError, match="max_points is 1"):
        opened.history([run_id], max_points=1)


def test_a_newer_schema_is_read_as_long_as_the_columns_are_there(store, add_run):
    run_id = add_run("a", 0, {"m": 1.0})
    path = store.removeprefix("sqlite:///")
    with sqlite3.connect(path) as connection:
        connection.execute("update alembic_version set version_num = 'f00dfeedbeef'")
        connection.execute("alter table metrics add column unit varchar(20)")
    assert open_store(store).history([run_id])["value"].tolist() == [1.0]
    with sqlite3.connect(path) as connection:
        connection.execute("alter table latest_metrics rename column is_nan to kind")
    with pytest.raises(AnalysisError, match=r"f00dfeedbeef, without latest_metrics.is_nan. `mlflow db upgrade"):
        open_store(store)


def test_a_locked_database_is_told(store, add_run):
    add_run("a", 0)
    opened = database.DatabaseStore(f"{store}?timeout=0.1")
    with contextlib.closing(sqlite3.connect(store.removeprefix("sqlite:///"))) as connection:
        connection.execute("begin exclusive")
        with pytest.raises(AnalysisError, match="another process is writing to the database. Give the command again"):
            opened.runs()


def test_a_database_that_may_only_be_read_is_left_as_it_is(store, add_run, tmp_path):
    run_id = add_run("a", 0, {"m": 1.0})
    path = tmp_path / "mlflow.db"
    before, files = path.read_bytes(), sorted(tmp_path.iterdir())
    path.chmod(0o444)
    tmp_path.chmod(0o555)
    try:
        assert open_store(store).history([run_id], ["m"])["value"].tolist() == [1.0]
        assert open_store(store).history([run_id], max_points=2)["value"].tolist() == [1.0]
    finally:
        tmp_path.chmod(0o755)
    assert (path.read_bytes(), sorted(tmp_path.iterdir())) == (before, files)


def test_equal_rows_are_sorted_by_value(store, add_run):
    """MLflow keeps them apart by their value alone."""
    run_id = add_run("a", 0, {"m": [(1, v, 1000) for v in (3.0, 1.0, 2.0)], "l": [(s, -s, 1000) for s in (2, 1)]})
    history = open_store(store).history([run_id])
    assert list(zip(history["metric"], history["value"], strict=True)) == [
        *(("l", -1.0), ("l", -2.0)),
        *(("m", 1.0), ("m", 2.0), ("m", 3.0)),
    ]


def test_a_folder_with_signs_that_end_an_address(tmp_path, store, add_run):
    run_id = add_run("a", 0)
    address = sa.URL.create("sqlite", database=str(tmp_path / "50% of #1?" / "my runs.db"))
    (tmp_path / "50% of #1?").mkdir()
    (tmp_path / "mlflow.db").rename(address.database)
    assert open_store(str(address)).runs()["run_id"].tolist() == [run_id]
