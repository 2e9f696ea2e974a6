"""Runs without a tracking server, in processes of their own, and what a real server has of them afterwards."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from conftest import REPOSITORY
from mlflow.tracking import MlflowClient
from servers import mlflow_command
from tiny import SETTINGS
from trainings import arguments, running_past, started, wait_for

from msl.tracking.offline import OfflineStore

pytestmark = pytest.mark.usefixtures("tiny_store")

NOWHERE = "http://127.0.0.1:9"  # nothing listens there
LONG = {"max_iters": 14, "epoch_iters": 5, "eval_every": 5, "log_every": 4, "checkpoint_every": 3}


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("server")
    store = f"sqlite:///{folder / 'mlflow.db'}"
    with mlflow_command(["server", "--backend-store-uri", store, "--workers", "1"], "/health", folder) as address:
        yield address


@pytest.fixture
def away(monkeypatch):
    """No server answers, and each test has an experiment of its own for the time when one does."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", NOWHERE)
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", os.environ["PYTEST_CURRENT_TEST"].split("::")[1].split(" ")[0])


def command(stage, **options):
    return [sys.executable, "-m", f"entrypoints.{stage}", *(f"--{text}" for text in arguments(options))]


def carried_out(stage, **options):
    """The output of a stage in a process of its own that nobody disturbs."""
    env = {**os.environ, "PYTHONPATH": str(REPOSITORY), "OMP_NUM_THREADS": "1", "MSL_SENDER": "process"}
    process = subprocess.run(command(stage, **options), env=env, capture_output=True, text=True, timeout=240)
    assert process.returncode == 0, process.stdout + process.stderr
    return process.stdout + process.stderr


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
    found = {}
    for entry in client.list_artifacts(run_id, folder):
        found |= files(client, run_id, entry.path) if entry.is_dir else {entry.path: entry.file_size}
    return found


def test_an_adaptation_without_a_server_is_on_it_later_once(server, away, monkeypatch):
    output = carried_out("adapt", **SETTINGS, tracking="offline")
    assert "`msl sync` sends it" in output
    store = OfflineStore()
    child, parent = (run for run in sorted(store.runs(), key=lambda run: run.info.start_time))
    assert child.data.tags["msl.parent"] == parent.info.run_id
    time.sleep(1.1)  # so that the time of the sync is another

    monkeypatch.setenv("MLFLOW_TRACKING_URI", server)
    told = carried_out("sync")
    client = MlflowClient(server)
    sent = runs_on(server)
    ids = {run.data.tags["msl.creation"]: run.info.run_id for run in sent}
    assert ids.keys() == {child.info.run_id, parent.info.run_id}
    assert all(f"run {local}: made without a server, and now run {remote}" in told for local, remote in ids.items())
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

    carried_out("sync")
    again = runs_on(server)
    assert [(run.info, run.data.tags) for run in again] == [(run.info, run.data.tags) for run in sent]
    assert content(client, ids[child.info.run_id]) == content(store.client, child.info.run_id)


def killed(stage, step, **options):
    """ID of a run that was killed with everything that belongs to it, as by a power cut."""
    with started(command(stage, **options)) as process:
        run_id = wait_for(running_past(step), process)
        process.send_signal(signal.SIGKILL)
    return run_id


def rows_of(client, run_id):
    names = [name for name in client.get_run(run_id).data.metrics if not name.startswith(("speed/", "memory/"))]
    return {name: [(m.step, m.value) for m in client.get_metric_history(run_id, name)] for name in names}


def test_an_offline_run_is_continued_before_and_after_its_sync(server, away, monkeypatch):
    settings = {**SETTINGS, **LONG, "max_iters": 40}
    store, client = OfflineStore(), MlflowClient(server)
    whole = killed_at = None
    carried_out("pretrain", **settings, tracking="offline")
    whole = store.runs()[0].info.run_id
    killed_at = killed("pretrain", 12, **settings, seed=0, tracking="offline")
    carried_out("pretrain", resume=killed_at)  # it is continued where it is: without a server
    assert rows_of(store.client, killed_at) == rows_of(store.client, whole)
    later = killed("pretrain", 12, **settings, tracking="auto")

    monkeypatch.setenv("MLFLOW_TRACKING_URI", server)
    carried_out("sync")
    ids = {run.data.tags["msl.creation"]: run for run in runs_on(server)}
    assert ids[killed_at].info.status == ids[whole].info.status == "FINISHED"
    assert ids[later].info.status == "FAILED"
    assert Path(".msl", ids[later].info.run_id, "last.pt").is_file()
    output = carried_out("pretrain", resume=later)  # by the ID that it had offline
    assert f"run {ids[later].info.run_id} continues at step" in output
    run = client.get_run(ids[later].info.run_id)
    assert (run.info.status, run.data.tags["msl.attempt"]) == ("FINISHED", "2")
    assert rows_of(client, ids[later].info.run_id) == rows_of(store.client, whole)
    assert len(runs_on(server)) == 3
