"""MLFLOW_RUN_ID: only an empty run of this command is taken over; nothing is written into any other."""

import sys

import mlflow
import pytest
from tiny import request

from msl import schema
from msl.runs import run as carry_out
from msl.tracking import connect, note_failure, open_run, reopen, reopened

pytestmark = pytest.mark.usefixtures("tiny_store")

PROJECT = {"mlflow.source.type": "PROJECT", "mlflow.project.entryPoint": "main"}


def state(client, run_id):
    """All that a run has."""
    run = client.get_run(run_id)
    return run.data.params, run.data.metrics, run.data.tags, run.info.run_name, run.info.status, run.info.end_time


def test_another_projects_script_calls_two_stages_in_its_own_run(monkeypatch):
    client = connect()
    with mlflow.start_run(run_name="theirs") as active:
        mlflow.log_param("lr", "mine")
        before = state(client, active.info.run_id)
        stages = []
        for stage in ("pretrain", "pretrain"):
            monkeypatch.setenv("MLFLOW_RUN_ID", active.info.run_id)  # as each process of a script inherits it
            stages.append(carry_out(request(stage, max_iters=1)).run_id)
        assert state(client, active.info.run_id) == before
        mlflow.log_metric("after", 1.0)
    theirs = client.get_run(active.info.run_id)
    assert (theirs.info.status, theirs.info.run_name, theirs.data.params) == ("FINISHED", "theirs", {"lr": "mine"})
    assert len({*stages, active.info.run_id}) == 3
    for run_id in stages:
        run = client.get_run(run_id)
        assert run.info.status == "FINISHED"
        assert run.data.tags["mlflow.parentRunId"] == active.info.run_id


@pytest.mark.parametrize("end", ["FINISHED", "FAILED", "KILLED"])
def test_a_run_that_has_ended_is_left_alone(end, monkeypatch, caplog):
    client = connect()
    ended = client.create_run("0", run_name="old").info.run_id
    client.log_param(ended, "seed", "1")
    client.set_terminated(ended, end)
    before = state(client, ended)
    monkeypatch.setenv("MLFLOW_RUN_ID", ended)
    made = client.get_run(open_run(client, "mine", {schema.STAGE: "adapt"}).run_id)
    assert state(client, ended) == before
    assert made.info.run_id != ended
    assert "mlflow.parentRunId" not in made.data.tags
    assert f"MLFLOW_RUN_ID = {ended} has ended ({end}) and is left alone. A new run is made." in caplog.text


def test_a_run_that_a_stage_has_taken_gets_a_child(monkeypatch):
    client = connect()
    experiment = client.create_experiment("elsewhere")
    taken = client.create_run(experiment, tags={schema.STAGE: "pretrain"}).info.run_id
    measured = client.create_run(experiment).info.run_id
    client.log_metric(measured, "loss", 1.0)
    for outer in (taken, measured):
        before = state(client, outer)
        monkeypatch.setenv("MLFLOW_RUN_ID", outer)
        run = client.get_run(open_run(client, "mine", {schema.STAGE: "adapt"}).run_id)
        assert state(client, outer) == before
        assert run.data.tags["mlflow.parentRunId"] == outer
        assert run.info.experiment_id == experiment


def test_deleted_and_unknown_runs_are_left_alone(monkeypatch, caplog):
    client = connect()
    gone = client.create_experiment("gone")
    of_deleted = client.create_run(gone).info.run_id
    client.delete_experiment(gone)
    deleted = client.create_run("0").info.run_id
    client.delete_run(deleted)
    for run_id in (of_deleted, deleted, "0" * 32, "no ID"):
        monkeypatch.setenv("MLFLOW_RUN_ID", run_id)
        made = open_run(client, "mine", {})
        assert made.run_id != run_id
        assert f"MLFLOW_RUN_ID = {run_id} is" in caplog.text


@pytest.mark.parametrize(
    ("program", "tags", "is_taken"),
    [
        ("entrypoints/adapt.py", {}, True),
        ("entrypoints/pretrain.py", {}, False),  # another command, which a script of this project has started
        ("entrypoints/adapt.py", {"mlflow.source.name": "{here}"}, True),
        ("entrypoints/adapt.py", {"mlflow.source.name": "file://{here}"}, True),
        ("entrypoints/adapt.py", {"mlflow.source.name": "/another/project"}, False),
        ("entrypoints/adapt.py", {"mlflow.source.name": "https://host/x", "mlflow.source.git.commit": "0" * 40}, False),
        ("bin/msl", {}, False),
    ],
)
def test_a_projects_run_is_taken_by_its_entry_point_only(program, tags, is_taken, tmp_path, monkeypatch):
    client = connect()
    tags = {name: value.format(here=tmp_path) for name, value in tags.items()}
    made = client.create_run("0", tags={**PROJECT, **tags}).info.run_id
    monkeypatch.setenv("MLFLOW_RUN_ID", made)
    monkeypatch.setattr(sys, "argv", [str(tmp_path / program)])
    assert (open_run(client, "mine", {}).run_id == made) == is_taken


def test_neither_a_resume_nor_an_error_writes_into_another_programs_run(monkeypatch):
    client = connect()
    run_id = open_run(client, "mine", {}).run_id
    client.set_terminated(run_id, "FAILED")
    theirs = client.create_run("0", tags={"mlflow.source.type": "LOCAL"}).info.run_id
    before = state(client, theirs)
    monkeypatch.setenv("MLFLOW_RUN_ID", theirs)
    reopen(reopened(client, run_id))
    monkeypatch.setenv("MLFLOW_RUN_ID", theirs)
    note_failure("an error")
    assert state(client, theirs) == before
