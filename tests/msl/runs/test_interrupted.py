"""Runs that ended before their training began, or while another stage ran for them, and `resume=auto`."""

import signal
import time
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from gate import gate
from mlflow.tracking import MlflowClient
from servers import mlflow_command
from tiny import SETTINGS, artifact, checkpoint, request
from trainings import running_past, start, wait_for

from msl.errors import ConfigError, DataError, TrackingError
from msl.runs import run as carry_out
from msl.runs.requests import save_request
from msl.tracking import connect, open_run, run_folder
from msl.tracking.sync import sync

pytestmark = pytest.mark.usefixtures("tiny_store")

AUTO = "auto"
LONG = 40  # steps: a kill comes in time, on a busy machine, too


def by_stage():
    return {run.data.tags["msl.stage"]: run for run in MlflowClient().search_runs(["0"])}


def wait_until_failed(run_id):
    """The sender, which outlives the training, says what happened."""
    deadline = time.monotonic() + 120
    while MlflowClient().get_run(run_id).info.status == "RUNNING":
        assert time.monotonic() < deadline
        time.sleep(0.2)


def test_a_run_that_was_killed_while_its_parent_trained_goes_on_with_that_parent(curves):
    whole = carry_out(request("adapt", max_iters=LONG))
    whole_curves, whole_weights = curves(whole.run_id), checkpoint(whole.run_id)["weights"]
    for run in MlflowClient().search_runs(["0"]):
        MlflowClient().delete_run(run.info.run_id)
    # eval_every is no setting of the weights: a checkpoint at each step
    settings = {**SETTINGS, "max_iters": LONG, "eval_every": 1}
    with start("adapt", **settings) as process:
        parent_id = wait_for(running_past(2), process)
        process.send_signal(signal.SIGKILL)
    wait_until_failed(parent_id)
    list(sync(connect()))
    killed = by_stage()
    assert (killed["pretrain"].info.run_id, killed["adapt"].info.status) == (parent_id, "FAILED")
    assert "ended before its training began" in killed["adapt"].data.tags["msl.error"]

    resumed = carry_out(replace(request("adapt", max_iters=LONG, eval_every=1), resume=AUTO))
    runs = by_stage()
    assert resumed.run_id == killed["adapt"].info.run_id
    assert {run.info.status for run in runs.values()} == {"FINISHED"}
    assert len(MlflowClient().search_runs(["0"])) == 2
    assert runs["adapt"].data.tags["msl.parent"] == parent_id
    assert (runs["adapt"].data.tags["msl.attempt"], runs["pretrain"].data.tags["msl.attempt"]) == ("2", "2")
    weights = checkpoint(resumed.run_id)["weights"]
    assert all(torch.equal(value, weights[name]) for name, value in whole_weights.items())
    last = max(step for _, step in whole_curves)
    assert curves(resumed.run_id)["target/mIoU", last] == whole_curves["target/mIoU", last]


def test_a_run_that_ended_before_it_was_described_begins_again(tmp_path):
    target = tmp_path / "tiny_real.yaml"
    text = target.read_text()
    target.write_text("name: tiny_real\nlayout: nothing\n")
    with pytest.raises((ConfigError, DataError)):
        carry_out(request("pretrain"))
    (failed,) = MlflowClient().search_runs(["0"])
    target.write_text(text)
    run_id = failed.info.run_id
    with pytest.raises(ConfigError, match=r"ended before its training began.*Leave out lr, or start a new run"):
        carry_out(request("pretrain", resume=run_id, lr=0.5))
    with pytest.raises(TrackingError, match="is of stage pretrain: resume it with -e pretrain"):
        carry_out(request("adapt", resume=run_id))
    assert MlflowClient().get_run(run_id).data.tags == failed.data.tags
    assert carry_out(request("pretrain", resume=run_id)).run_id == run_id
    run = MlflowClient().get_run(run_id)
    assert (run.info.status, run.data.tags["msl.attempt"]) == ("FINISHED", "2")
    assert "msl.error" not in run.data.tags
    assert run.data.params["cfg.max_iters"] == "4"


def test_sync_marks_a_run_failed_that_died_before_its_first_record():
    reporter = open_run(connect(), "killed", {"msl.stage": "pretrain"})
    with pytest.raises(RuntimeError), run_folder(reporter.run_id) as folder:
        save_request(request("pretrain"), folder)
        assert not list(sync(connect()))  # it is in progress
        raise RuntimeError
    (synced,) = sync(connect())
    assert (synced.run_id, synced.text) == (reporter.run_id, "it ended before its training began, and is marked FAILED")
    assert MlflowClient().get_run(reporter.run_id).info.status == "FAILED"
    assert not list(sync(connect()))


def test_auto_takes_the_newest_interrupted_run_and_begins_anew_if_there_is_none(caplog):
    caplog.set_level("INFO", "msl")
    failing = replace(request("pretrain", lr=1e30, eval_every=100), resume=AUTO)
    ids = []
    for _ in range(2):
        with pytest.raises(Exception, match="at step"):
            carry_out(failing)
        ids = [run.info.run_id for run in MlflowClient().search_runs(["0"])]
        assert len(ids) == 1
    assert "no interrupted run of stage pretrain has these settings, so a new one begins" in caplog.text
    assert f"resume = auto: run {ids[0]} of stage pretrain is continued" in caplog.text
    assert MlflowClient().get_run(ids[0]).data.tags["msl.attempt"] == "2"
    assert "the nearest is" not in caplog.text
    with pytest.raises(Exception, match="at step"):
        carry_out(replace(request("pretrain", lr=1e30, eval_every=100, max_iters=8), resume=AUTO))
    assert f"the nearest is run {ids[0]}, which differs in max_iters=4. To continue it" in caplog.text
    assert carry_out(replace(request("pretrain"), resume=AUTO)).run_id != ids[0]  # other settings
    assert carry_out(replace(request("pretrain"), resume=AUTO)).run_id != ids[0]  # a finished run is not continued
    assert len(MlflowClient().search_runs(["0"])) == 4


def test_an_adaptation_goes_on_when_the_server_leaves_while_its_parent_trains(tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    monkeypatch.setenv("MSL_GRACE_S", "0")
    store = f"sqlite:///{tmp_path / 'server.db'}"
    arguments = ["server", "--backend-store-uri", store, "--workers", "1"]
    with mlflow_command(arguments, "/health", tmp_path) as server, gate(server) as door:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", door.uri)
        door.fault = lambda path, body: "away" if list(Path(".msl").glob("*/last.pt")) else None
        outcome = carry_out(request("adapt"))
        door.fault = lambda path, body: None
        assert MlflowClient().get_run(outcome.run_id).info.status == "RUNNING"
        assert all(result.is_done for result in sync(connect()))
        child, parent = sorted(MlflowClient().search_runs(["0"]), key=lambda run: run.info.start_time)
        assert (child.info.status, parent.info.status) == ("FINISHED", "FINISHED")
        assert child.data.tags["msl.parent"] == parent.info.run_id
        assert child.info.run_name.endswith("seed=0")
        assert child.data.params["cfg.max_iters"] == "4"
        assert {entry.dataset.name for entry in child.inputs.dataset_inputs} >= {"tiny/train", "tiny_real/train"}
        assert child.data.metrics["target/mIoU"] == outcome.metrics["target/mIoU"]
        fingerprint = child.data.tags["msl.fingerprint"]
        assert not list(Path(".msl").iterdir())
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'mlflow.db'}")
    undisturbed = carry_out(request("adapt")).run_id
    assert MlflowClient().get_run(undisturbed).data.tags["msl.fingerprint"] == fingerprint
    assert artifact(undisturbed, "config.json").is_file()
