import os
import time

import pytest
from mlflow.store.tracking.dbmodels.models import SqlDataset, SqlExperiment
from sqlalchemy import event
from sqlalchemy.orm import Session

from msl import schema
from msl.tracking import DataInput, RunRecord, connect, describe, ending, open_run, reopen, reopened, run_folder

pytestmark = pytest.mark.usefixtures("store")


def test_the_run_that_mlflow_run_made_is_taken_once(monkeypatch):
    client = connect()
    made = client.create_run("0").info.run_id
    monkeypatch.setenv("MLFLOW_RUN_ID", made)
    first = open_run(client, "mine", {schema.STAGE: "adapt"})
    second = open_run(client, "another", {})
    assert first.run_id == made != second.run_id
    run = client.get_run(made)
    assert (run.info.run_name, run.data.tags[schema.STAGE]) == ("mine", "adapt")


def test_a_nested_run_does_not_take_it(monkeypatch):
    client = connect()
    experiment = client.create_experiment("elsewhere")
    outer = client.create_run(experiment).info.run_id
    monkeypatch.setenv("MLFLOW_RUN_ID", outer)
    nested = open_run(client, "parent stage", {}, nested_in=outer)
    run = client.get_run(nested.run_id)
    assert run.data.tags["mlflow.parentRunId"] == outer
    assert run.info.experiment_id == experiment
    assert os.environ["MLFLOW_RUN_ID"] == outer


def test_the_experiment_is_the_one_that_mlflows_settings_name(monkeypatch):
    client = connect()
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "new one")
    by_name = client.get_run(open_run(client, "x", {}).run_id).info.experiment_id
    assert client.get_experiment(by_name).name == "new one"
    monkeypatch.setenv("MLFLOW_EXPERIMENT_ID", "0")
    assert client.get_run(open_run(client, "x", {}).run_id).info.experiment_id == "0"


def test_the_run_that_mlflow_run_makes_to_resume_another_is_folded_below_that(monkeypatch):
    client = connect()
    run_id = open_run(client, "mine", {}).run_id
    client.set_terminated(run_id, "FAILED")
    wrapper = client.create_run("0").info.run_id
    monkeypatch.setenv("MLFLOW_RUN_ID", wrapper)
    reporter = reopened(client, run_id)
    reopen(reporter)
    assert (reporter.run_id, reporter.attempt) == (run_id, 2)
    assert client.get_run(run_id).info.status == "RUNNING"
    note = client.get_run(wrapper)
    assert note.info.lifecycle_stage == "active"  # `mlflow run` ends it later, and fails if it is gone
    assert note.data.tags["mlflow.parentRunId"] == run_id
    assert note.info.run_name == "resume of mine"
    assert schema.GROUP not in note.data.tags  # so that no table counts it


@pytest.mark.parametrize(
    ("error", "status"), [(ValueError("wrong"), "FAILED"), (KeyboardInterrupt(), "KILLED"), (None, "FINISHED")]
)
def test_a_run_ends_however_its_work_ends(error, status):
    client = connect()
    reporter = open_run(client, "x", {})

    def work():
        with ending(reporter):
            reporter.metrics({"m": 1.0}, 1)
            if error:
                raise error

    if error:
        with pytest.raises(type(error)):
            work()
    else:
        work()
    run = client.get_run(reporter.run_id)
    assert run.info.status == status
    assert run.data.metrics == {"m": 1.0}  # nothing that was reported is lost
    assert run.data.tags.get(schema.ERROR) == (f"{type(error).__name__}: {error}" if error else None)


def test_a_workplace_goes_when_all_is_well_and_stays_for_a_resume():
    with run_folder("abc") as folder:
        (folder / "last.pt").touch()
    assert not folder.exists()
    with pytest.raises(ValueError, match="midway"), run_folder("abc") as folder:
        (folder / "last.pt").touch()
        raise ValueError("midway")
    assert (folder / "last.pt").exists()
    with run_folder("abc") as again:
        assert (again / "last.pt").exists()


def test_runs_that_begin_in_the_same_moment_share_the_experiment_and_its_data(monkeypatch):
    """Whoever looks for an experiment or a data set finds none, and another run adds it before they do."""
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "seeds")
    ours, theirs = connect(), connect()
    data = [DataInput("source", "streets", "train", "0" * 64, 8)]
    opened = {}

    def comes_between(session, *_):
        rows = {type(row) for row in session.new}
        for row, act in {SqlExperiment: open_theirs, SqlDataset: describe_theirs}.items():
            if row in rows and row not in opened:
                opened[row] = None  # once
                act()

    def open_theirs():
        opened["run"] = open_run(theirs, "theirs", {})

    def describe_theirs():
        describe(opened["run"], {}, RunRecord(stage="adapt", settings={}), {}, data)

    event.listen(Session, "before_flush", comes_between)
    try:
        reporter = open_run(ours, "ours", {})
        describe(reporter, {}, RunRecord(stage="adapt", settings={}), {}, data)
    finally:
        event.remove(Session, "before_flush", comes_between)
    runs = [ours.get_run(one.run_id) for one in (reporter, opened["run"])]
    assert {SqlExperiment, SqlDataset} <= set(opened)
    assert [run.inputs.dataset_inputs[0].dataset.name for run in runs] == ["streets/train"] * 2
    assert runs[0].info.experiment_id == runs[1].info.experiment_id


def test_a_run_gives_signs_of_life_whatever_it_does(monkeypatch):
    monkeypatch.setattr(schema, "HEARTBEAT_EVERY_S", 0.05)
    client = connect()
    reporter = open_run(client, "mine", {})
    client.set_tag(reporter.run_id, schema.HEARTBEAT, "")
    with ending(reporter):
        deadline = time.monotonic() + 60
        while not (beat := client.get_run(reporter.run_id).data.tags[schema.HEARTBEAT]):
            assert time.monotonic() < deadline
    assert len(beat) == len("2026-01-01T00:00:00Z")
    assert beat.endswith("Z")
