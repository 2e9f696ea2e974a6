"""Export, and import into another store, without losing a row."""

import io
import json
import shutil
import sqlite3

import pandas as pd
import pytest
from click.testing import CliRunner
from mlflow.tracking import MlflowClient

from analysis import open_store
from analysis.__main__ import main
from analysis.errors import AnalysisError
from analysis.store import load as loading
from analysis.store.columns import Codebook, Rows, framed, in_order
from analysis.store.export import export
from analysis.store.load import load

pytestmark = pytest.mark.xdist_group("stores")  # so that one worker starts PostgreSQL and the server


def everything(uri, ids):
    """Every row of an experiment, the superseded too, with the IDs that runs had at first."""
    store = open_store(uri)
    codebook = Codebook()
    rows = in_order(Rows.joined(list(store.rows(list(ids), None, codebook))), codebook)
    frame = framed(rows, codebook)
    return frame.assign(run_id=frame["run_id"].map(ids)).sort_values(list(frame), ignore_index=True)


def same(uri, other, experiment, new):
    old_rows = everything(uri, {old: old for old in new})
    pd.testing.assert_frame_equal(everything(other, {n: old for old, n in new.items()}), old_rows)
    first, second = open_store(uri).runs("planted"), open_store(other).runs(experiment)
    second["run_id"] = second["msl.imported"]
    second = second.drop(columns=["msl.imported", "msl.import_complete"]).assign(experiment="planted")
    first, second = (frame.sort_values("run_id", ignore_index=True) for frame in (first, second))
    pd.testing.assert_frame_equal(first, second, check_like=True)


@pytest.mark.parametrize("way", ["sqlite postgresql", "postgresql sqlite", "server server"])
def test_no_row_is_lost(way, request, tmp_path, store):
    origin, target = way.split()
    uri = request.getfixturevalue(f"planted_{origin}")
    other = store if target == "sqlite" else request.getfixturevalue(f"planted_{target}")
    counts = export(open_store(uri), "planted", tmp_path / "out").set_index("run_id")["rows"]
    assert sorted(counts) == [0, 3, 5, 8, 81, 30_000]
    new = load(tmp_path / "out", other, "a copy")
    assert set(new) == set(counts.index)
    same(uri, other, "a copy", new)
    assert MlflowClient(other).get_experiment_by_name("a copy").tags["purpose"] == "tests"
    assert load(tmp_path / "out", other, "a copy") == new  # once more changes nothing
    assert set(open_store(other).runs("a copy")["run_id"]) == set(new.values())
    MlflowClient(other).delete_experiment(MlflowClient(other).get_experiment_by_name("a copy").experiment_id)


@pytest.fixture
def family(store, add_run, tmp_path):
    """A parent and its child, exported with their artifacts."""
    client = MlflowClient()
    parent, child = add_run("a", 0, {"m": [(s, 1.0 * s, s) for s in range(5)]}), add_run("b", 0, {"m": 1.0})
    for tag in ("mlflow.parentRunId", "msl.parent"):
        client.set_tag(child, tag, parent)
    client.log_text(child, "a: 1", "evaluation/per_class.csv")
    export(open_store(store), "exp", tmp_path / "out", store)
    return parent, child


@pytest.fixture
def other(family, tmp_path):
    """A second store, with the default experiment only."""
    path = shutil.copy(tmp_path / "mlflow.db", tmp_path / "other.db")
    with sqlite3.connect(path) as connection:
        for table in ("metrics", "latest_metrics", "params", "tags", "runs"):
            connection.execute(f"delete from {table}")
        connection.execute("delete from experiments where name = 'exp'")
    return f"sqlite:///{path}"


def test_parents_and_artifacts_come_along(family, tmp_path, other):
    parent, child = family
    new = load(tmp_path / "out", other)
    run = MlflowClient(other).get_run(new[child])
    assert run.data.tags["mlflow.parentRunId"] == run.data.tags["msl.parent"] == new[parent]
    assert MlflowClient(other).list_artifacts(new[child], "evaluation")[0].path == "evaluation/per_class.csv"
    assert (tmp_path / "out" / "artifacts" / child / "evaluation/per_class.csv").read_text() == "a: 1"


def test_an_import_that_was_cut_short_is_completed(family, tmp_path, other, monkeypatch):

    def full(*arguments):
        raise OSError("no space left")

    with monkeypatch.context() as patch:
        patch.setattr(loading, "_log_texts", full)
        with pytest.raises(
            AnalysisError, match="stopped: the disk of the database is full. .*The same command continues from there"
        ):
            load(tmp_path / "out", other)
    begun = set(open_store(other).runs("exp")["run_id"])
    new = load(tmp_path / "out", other)
    assert set(new.values()) == begun
    assert sorted(open_store(other).history(list(begun), ["m"])["value"]) == [0, 1, 1, 2, 3, 4]


def test_what_is_refused(family, store, tmp_path):
    with pytest.raises(AnalysisError, match="out exists already"):
        export(open_store(store), "exp", tmp_path / "out")
    with pytest.raises(AnalysisError, match="new cannot be written: Not a directory"):
        export(open_store(store), "exp", tmp_path / "mlflow.db" / "new")
    with pytest.raises(AnalysisError, match="no experiment 'expp' in this store; nearest: exp"):
        export(open_store(store), "expp", tmp_path / "new")
    assert not (tmp_path / "new").exists()
    with pytest.raises(AnalysisError, match="is no exported experiment: .*experiment.json"):
        load(tmp_path, store)
    MlflowClient().delete_experiment(MlflowClient().get_experiment_by_name("exp").experiment_id)
    with pytest.raises(AnalysisError, match="experiment 'exp' is deleted in that store: restore it, or import"):
        load(tmp_path / "out", store)
    about = tmp_path / "out" / "experiment.json"
    about.write_text(json.dumps(json.loads(about.read_text()) | {"layout": 99}))
    with pytest.raises(AnalysisError, match="has layout 99; this version of msl reads layout 1"):
        load(tmp_path / "out", store)


def test_the_commands(store, add_run, tmp_path):
    run_id = add_run("a\ngroup", 3, {"m": 1.0, "last/target/mIoU": 30.123})

    def told(*arguments):
        result = CliRunner().invoke(main, arguments)
        assert result.exit_code == 0, result.output
        return result.output

    header, line = told("runs", "--experiment", "exp").splitlines()
    assert header.split() == ["run_id", "status", "start", "msl.stage", "msl.group", "last/target/mIoU"]
    assert line.split() == [run_id, "FINISHED", "1970-01-01", "00:00", "adapt", r"a\ngroup", "30.12"]
    assert pd.read_csv(io.StringIO(told("runs", "--format", "csv")))["cfg.seed"].tolist() == [3]
    assert told("runs", "--experiment", "Default").startswith("no runs; `mlflow run")
    assert "1 runs with 2 rows of metrics are in there" in told("export", "there", "--experiment", "exp", "--artifacts")
    assert told("import", "there", "--experiment", "copy").endswith(f"1 runs are in {store}\n")
    assert open_store(store).runs("copy")["msl.imported"].tolist() == [run_id]
    for wrong in (["runs", "--experiment", "exq"], ["export", "new", "--experiment", "exq"], ["import", "."]):
        result = CliRunner().invoke(main, wrong)
        assert (result.exit_code, result.output.startswith("Error: ")) == (1, True)
