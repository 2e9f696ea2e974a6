"""Runs without a tracking server, in processes of their own, and what a real server has of them afterwards."""

import json
import os
import signal
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from gate import gate
from mlflow.tracking import MlflowClient
from tiny import SETTINGS, request
from trainings import arguments, running_past, started, wait_for

from msl.errors import TrackingError
from msl.runs import run as carry_out
from msl.tracking import connect
from msl.tracking.offline import OfflineStore
from msl.tracking.reachable import why_unreachable
from msl.tracking.sync import sync

pytestmark = [pytest.mark.usefixtures("tiny_store"), pytest.mark.xdist_group("offline")]  # one worker has the server

NOWHERE = "http://127.0.0.1:9"  # nothing listens there
LONG = {"max_iters": 14, "epoch_iters": 5, "eval_every": 5, "log_every": 4, "checkpoint_every": 3}


@pytest.fixture
def away(monkeypatch):
    """No server answers, and each test has an experiment of its own for the time when one does."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", NOWHERE)
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", os.environ["PYTEST_CURRENT_TEST"].split("::")[1].split(" ")[0])


def command(stage, **options):
    return [sys.executable, "-m", f"entrypoints.{stage}", *(f"--{text}" for text in arguments(options))]


def runs_on(address):
    client = MlflowClient(address)
    experiment = client.get_experiment_by_name(os.environ["MLFLOW_EXPERIMENT_NAME"])
    return client.search_runs([experiment.experiment_id], order_by=["attributes.start_time ASC"])


def content(client, run_id):
    """Everything of a run that an IDs and addresses do not decide."""
    run = client.get_run(run_id)
    rows = {
        name: sorted((m.step, m.value, m.timestamp) for m in client.get_metric_history(run_id, name))
        for name in run.data.metrics
    }
    inputs = sorted((entry.dataset.name, entry.dataset.digest) for entry in run.inputs.dataset_inputs)
    return run.data.params, rows, inputs, (run.info.status, run.info.start_time, run.info.end_time, run.info.run_name)


def files(client, run_id, folder=""):
    sizes = {}
    for entry in client.list_artifacts(run_id, folder):
        sizes |= files(client, run_id, entry.path) if entry.is_dir else {entry.path: entry.file_size}
    return sizes


def test_an_adaptation_without_a_server_is_on_it_later_once(server, away, monkeypatch, caplog):
    caplog.set_level("INFO", "msl")
    carry_out(replace(request("adapt"), tracking="offline"))
    assert "`msl sync` sends it" in caplog.text
    assert os.environ["MLFLOW_TRACKING_URI"] == NOWHERE
    store = OfflineStore()
    child, parent = (run for run in sorted(store.runs(), key=lambda run: run.info.start_time))
    assert child.data.tags["msl.parent"] == parent.info.run_id
    time.sleep(1.1)  # so that the time of the sync is another

    monkeypatch.setenv("MLFLOW_TRACKING_URI", server)
    told = {result.run_id: result for result in sync(connect())}
    client = MlflowClient(server)
    sent = runs_on(server)
    ids = {run.data.tags["msl.creation"]: run.info.run_id for run in sent}
    assert ids.keys() == {child.info.run_id, parent.info.run_id}
    assert all(f"now run {remote} of the server" in told[local].text for local, remote in ids.items())
    for run in (child, parent):
        remote = ids[run.info.run_id]
        assert content(client, remote) == content(store.client, run.info.run_id)
        assert files(client, remote).keys() == files(store.client, run.info.run_id).keys()
    tags = client.get_run(ids[child.info.run_id]).data.tags
    assert tags["msl.parent"] == ids[parent.info.run_id]
    assert ids[parent.info.run_id] in tags["mlflow.note.content"]
    assert child.info.run_id not in tags["mlflow.note.content"]
    assert client.get_run(ids[parent.info.run_id]).data.tags["mlflow.parentRunId"] == ids[child.info.run_id]
    path = client.download_artifacts(ids[child.info.run_id], "config.json")
    record = json.loads(Path(path).read_text())
    assert record["start"] == f"runs:/{ids[parent.info.run_id]}/checkpoints/last.pt"

    assert not list(sync(connect()))
    again = runs_on(server)
    assert [(run.info, run.data.tags) for run in again] == [(run.info, run.data.tags) for run in sent]
    assert content(client, ids[child.info.run_id]) == content(store.client, child.info.run_id)


def killed(stage, step, **options):
    """ID of a run that was killed with everything that belongs to it, as by a power cut."""
    with started(command(stage, **options)) as process:
        run_id = wait_for(running_past(step), process)
        process.send_signal(signal.SIGKILL)
    return run_id


def wait_until_sent(run_id):
    """The sender, which outlives the training, says in the store of this machine that the run has failed."""
    deadline = time.monotonic() + 120
    while OfflineStore().find(run_id).info.status == "RUNNING":
        assert time.monotonic() < deadline
        time.sleep(0.2)


def rows_of(client, run_id):
    names = [name for name in client.get_run(run_id).data.metrics if not name.startswith(("speed/", "memory/"))]
    return {name: [(m.step, m.value) for m in client.get_metric_history(run_id, name)] for name in names}


def test_an_offline_run_is_continued_before_and_after_its_sync(server, away, monkeypatch, caplog):
    caplog.set_level("INFO", "msl")
    settings = {**SETTINGS, **LONG, "max_iters": 80}
    store, client = OfflineStore(), MlflowClient(server)
    whole = carry_out(replace(request("pretrain", **{**LONG, "max_iters": 80}), tracking="offline")).run_id
    killed_first = killed("pretrain", 12, **settings, tracking="auto")
    wait_until_sent(killed_first)
    assert carry_out(request("pretrain", resume=killed_first)).run_id == killed_first  # without a server, as it began
    assert rows_of(store.client, killed_first) == rows_of(store.client, whole)
    killed_later = killed("pretrain", 12, **settings, tracking="auto")
    with pytest.raises(TrackingError, match="was not made offline on this machine.*tracking=online"):
        carry_out(replace(request("pretrain", resume="0" * 32), tracking="offline"))

    monkeypatch.setenv("MLFLOW_TRACKING_URI", server)
    wait_until_sent(killed_later)
    list(sync(connect()))
    runs = {run.data.tags["msl.creation"]: run for run in runs_on(server)}
    assert {runs[run_id].info.status for run_id in (whole, killed_first)} == {"FINISHED"}
    remote = runs[killed_later].info.run_id
    assert runs[killed_later].info.status == "FAILED"
    assert Path(".msl", remote, "last.pt").is_file()
    assert carry_out(request("pretrain", resume=killed_later)).run_id == remote  # by the ID that it had offline
    assert f"run {remote} continues at step" in caplog.text
    run = client.get_run(remote)
    assert (run.info.status, run.data.tags["msl.attempt"]) == ("FINISHED", "2")
    assert rows_of(client, remote) == rows_of(store.client, whole)
    assert len(runs_on(server)) == 3


def test_auto_is_online_where_something_answers(server, away, monkeypatch, caplog):
    monkeypatch.setattr("msl.tracking.reachable._TIMEOUT_S", 60)  # a machine may stand still for the usual four
    carry_out(replace(request("pretrain", max_iters=1), tracking="auto"))
    assert f"{NOWHERE} cannot be reached: " in caplog.text
    assert len(OfflineStore().runs()) == 1
    with gate(server, authorization="Basic x") as door, gate(server) as trouble:
        monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
        assert why_unreachable(door.uri) is None  # it answers, and needs a log-in
        monkeypatch.setenv("MLFLOW_TRACKING_URI", door.uri)
        with pytest.raises(TrackingError, match="401"):
            carry_out(replace(request("pretrain", max_iters=1), tracking="auto"))
        trouble.fault = lambda path, body: 503
        assert "503" in (why_unreachable(trouble.uri) or "")
        trouble.fault = lambda path, body: 500
        assert why_unreachable(trouble.uri) is None
    assert why_unreachable("postgresql://127.0.0.1:9/msl") is not None
    assert why_unreachable("sqlite:///mlflow.db") is None
    monkeypatch.setenv("MLFLOW_TRACKING_URI", server)
    carry_out(replace(request("pretrain", max_iters=1), tracking="auto"))
    assert len(OfflineStore().runs()) == len(runs_on(server)) == 1


def test_a_sync_that_is_interrupted_is_completed_by_the_next(server, away, monkeypatch):
    carry_out(replace(request("pretrain"), tracking="offline"))
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    MlflowClient(server).create_experiment(os.environ["MLFLOW_EXPERIMENT_NAME"])  # the gate passes no answer 404
    with gate(server) as door:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", door.uri)
        door.fault = lambda path, body: "away" if b"target/mIoU" in body else None
        (result,) = sync(connect())
        assert not result.is_done
        assert "everything is kept" in result.text
        door.fault = lambda path, body: None
        (result,) = sync(connect())
        assert result.is_done
    (run,) = runs_on(server)
    assert run.info.run_id in result.text
    (local,) = OfflineStore().runs()
    assert content(MlflowClient(server), run.info.run_id) == content(OfflineStore().client, local.info.run_id)


def test_a_run_that_the_server_refuses_stops_no_other(server, away, monkeypatch):
    for seed in (0, 1):
        carry_out(replace(request("pretrain", max_iters=1, seed=seed), tracking="offline"))
    refused, other = sorted((run for run in OfflineStore().runs()), key=lambda run: run.info.start_time)
    MlflowClient(server).create_experiment(os.environ["MLFLOW_EXPERIMENT_NAME"])  # the gate passes no answer 404
    with gate(server) as door:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", door.uri)
        seed = b'{"key": "cfg.seed", "value": "0"}'
        door.fault = lambda path, body: 400 if seed in body and "log-batch" in path else None
        results = {result.run_id: result for result in sync(connect())}
        assert not results[refused.info.run_id].is_done
        assert "the server refuses a part of it" in results[refused.info.run_id].text
        assert results[other.info.run_id].is_done
        door.fault = lambda path, body: None
        assert all(result.is_done for result in sync(connect()))
    assert len(runs_on(server)) == 2
