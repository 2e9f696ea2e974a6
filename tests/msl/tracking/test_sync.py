"""`sync` beside everything else: runs that just begin, offline runs, other machines, and `mlflow run`."""

import os
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest
from conftest import REPOSITORY
from mlflow.tracking import MlflowClient
from tiny import SETTINGS, request
from trainings import arguments

from msl import schema
from msl.errors import MslError
from msl.runs import run as carry_out
from msl.runs.requests import save_request
from msl.tracking import connect, lease, open_run, run_folder
from msl.tracking.journal import Journal
from msl.tracking.leftovers import clear
from msl.tracking.offline import OfflineStore
from msl.tracking.run_folder import is_in_use, work_folder
from msl.tracking.send import sending_lock
from msl.tracking.sync import sync

pytestmark = pytest.mark.usefixtures("tiny_store")

ENV = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
BEGINNING = """
import sys, time
from msl.tracking import ending, open_run, recording, run_folder
with recording(sys.argv[1], None) as place:
    reporter = open_run(place.client, "one", {})
    with ending(reporter):
        if sys.argv[2] == "folder":
            folder = run_folder(reporter.run_id)
            folder.__enter__()
        print(reporter.run_id, flush=True)
        time.sleep(600)
"""


def killed(tracking, place):
    """ID of a run whose process was killed before its journal began: with its folder, or before that."""
    command = [sys.executable, "-c", BEGINNING, tracking, place]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**ENV, **os.environ}) as process:
        run_id = process.stdout.readline().strip()
        told = [result.text for result in sync(connect())]
        assert told == (["it is in progress, without a server"] if tracking == "offline" else [])
        process.kill()
    return run_id


def test_a_run_that_begins_beside_a_sync_keeps_its_folder_and_its_lock():
    client, is_over, run_id = MlflowClient(), threading.Event(), "0" * 32

    def look():
        while not is_over.is_set():
            clear(client, work_folder() / run_id)

    threads = [threading.Thread(target=look) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(200):
            with run_folder(run_id) as folder:
                assert is_in_use(folder)
                (folder / "a").write_text("a")
                assert clear(client, folder) == ""
                assert (folder / "a").is_file()
    finally:
        is_over.set()
        for thread in threads:
            thread.join()


@pytest.mark.parametrize("name", [schema.REQUEST_FILE, schema.LAST_CHECKPOINT, f"{schema.JOURNAL_FOLDER}/name"])
def test_what_a_resume_or_a_child_needs_stays(name):
    with run_folder("1" * 32, stays=True) as folder:
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text("needed")
        (folder / "start").mkdir()
    with run_folder("2" * 32, stays=True) as other:
        for empty in ("start", schema.JOURNAL_FOLDER):
            (other / empty).mkdir()
        with sending_lock(other / schema.JOURNAL_FOLDER, wait=False):
            pass  # it leaves its file
    assert clear(MlflowClient(), folder) == ""
    assert "removed" in clear(MlflowClient(), other)
    assert ((folder / name).exists(), (folder / "start").exists(), other.exists()) == (True, False, False)


@pytest.mark.parametrize("place", ["folder", "before"])
def test_an_offline_run_that_died_before_its_journal_is_marked_and_sent(place):
    run_id = killed("offline", place)
    marked, sent = sync(connect())
    assert (marked.run_id, sent.run_id) == (run_id, run_id)
    assert marked.text.startswith("marked FAILED: its process is gone")
    local = OfflineStore().find(run_id)
    run = MlflowClient().get_run(local.data.tags[schema.SYNCED])
    assert (local.info.status, run.info.status) == ("FAILED", "FAILED")
    assert "no sign of life of process" in run.data.tags[schema.ERROR]
    assert schema.LEASE not in run.data.tags
    assert list(sync(connect())) == []


def test_a_dead_run_is_marked_once_and_a_deleted_one_stops_nothing():
    client = connect()
    runs = [open_run(client, name, {}).run_id for name in ("dead", "deleted")]
    for run_id in runs:
        with pytest.raises(RuntimeError), run_folder(run_id) as folder:
            book = Journal(folder / schema.JOURNAL_FOLDER)
            book.append({"kind": "start", "attempt": 1, "cut": 0})
            raise RuntimeError
    client.delete_run(runs[1])
    told = {result.run_id: result.text for result in sync(client)}
    assert "marked FAILED" in told[runs[0]]
    assert "marked FAILED" not in told[runs[1]]
    before = client.get_run(runs[0])
    time.sleep(0.01)
    assert "marked FAILED" not in " ".join(result.text for result in sync(client))
    assert client.get_run(runs[0]).info == before.info


def test_auto_begins_anew_beside_a_run_that_another_machine_trains(monkeypatch):
    client = connect()
    run_id = carry_out(request("pretrain", max_iters=2)).run_id
    monkeypatch.setenv("MSL_MACHINE", "left")
    lease.this_process.cache_clear()
    elsewhere = lease.new_lease(lease.this_process())
    monkeypatch.delenv("MSL_MACHINE")
    lease.this_process.cache_clear()
    client.update_run(run_id, status="RUNNING")
    client.set_tag(run_id, schema.LEASE, str(elsewhere))
    client.set_tag(run_id, schema.HEARTBEAT, time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()))
    (work_folder() / run_id).mkdir(parents=True)  # it was trained here before
    auto = replace(request("pretrain", max_iters=2), resume="auto")
    second = carry_out(auto).run_id
    assert second != run_id
    assert client.get_run(run_id).info.status == "RUNNING"
    client.delete_run(second)
    client.set_terminated(run_id, "FAILED")
    client.delete_tag(run_id, schema.STATUS)
    with run_folder(run_id), pytest.raises(MslError):  # a process here trains it, though it was taken for dead
        carry_out(replace(request("pretrain", max_iters=2, resume=run_id)))
    with run_folder(run_id):
        assert carry_out(auto).run_id != run_id


def test_a_run_that_begins_again_has_its_lease_at_once(tmp_path, monkeypatch):
    target = tmp_path / "tiny_real.yaml"
    text = target.read_text()
    target.write_text("name: tiny_real\nlayout: nothing\n")
    with pytest.raises(MslError):
        carry_out(request("pretrain"))
    (failed,) = MlflowClient().search_runs(["0"])
    target.write_text(text)
    monkeypatch.setenv("MSL_MACHINE", "here, later")
    lease.this_process.cache_clear()
    carry_out(request("pretrain", resume=failed.info.run_id))
    monkeypatch.delenv("MSL_MACHINE")
    held = lease.Lease.of(MlflowClient().get_run(failed.info.run_id))
    lease.this_process.cache_clear()
    assert held.holder.host == "here, later"


def test_auto_takes_no_request_of_a_run_in_another_store():
    local = killed("offline", "folder")
    save_request(request("pretrain"), work_folder() / local)
    outcome = carry_out(replace(request("pretrain"), resume="auto"))
    assert outcome.run_id != local
    told = {result.run_id: result.text for result in sync(connect())}
    assert "now run" in told[local]
    remote = OfflineStore().find(local).data.tags[schema.SYNCED]
    assert (work_folder() / remote / schema.REQUEST_FILE).is_file()
    assert carry_out(request("pretrain", resume=local)).run_id == remote  # from its request, by the ID that it had
    assert MlflowClient().get_run(remote).info.status == "FINISHED"


@pytest.fixture
def offline(tmp_path, monkeypatch):
    """Settings of an offline training by `mlflow run`, which works in the folder of the project."""
    monkeypatch.setenv("MSL_WORK", str(tmp_path / "work"))
    domains = {role: str(tmp_path / SETTINGS[role]) for role in ("source", "target")}
    return {**SETTINGS, **domains, "tracking": "offline"}


def mlflow_run(**options):
    typed = [part for text in arguments(options) for part in ("-P", text)]
    command = [sys.executable, "-m", "mlflow", "run", str(REPOSITORY), "-e", "pretrain", "--env-manager", "local"]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"  # `mlflow run` starts python
    return subprocess.run([*command, *typed], capture_output=True, text=True, env={**ENV, **os.environ, "PATH": path})


def test_an_offline_run_of_mlflow_run_becomes_the_run_that_mlflow_made(offline):
    process = mlflow_run(**offline)
    assert process.returncode == 0, process.stderr
    (empty,) = MlflowClient().search_runs(["0"])
    assert (empty.info.status, empty.data.metrics) == ("FINISHED", {})
    (local,) = OfflineStore().runs()
    (told,) = sync(connect())
    assert (told.run_id, local.data.tags[schema.ADOPTED]) == (local.info.run_id, empty.info.run_id)
    (run,) = MlflowClient().search_runs(["0"])
    assert (run.info.run_id, run.info.status, run.info.run_name) == (empty.info.run_id, "FINISHED", local.info.run_name)
    assert run.data.metrics == local.data.metrics
    assert run.data.params.items() >= local.data.params.items()


def test_an_offline_start_that_is_refused_says_why_in_the_run_that_mlflow_made(offline):
    process = mlflow_run(**offline, device="cuda:99")
    assert process.returncode != 0
    (run,) = MlflowClient().search_runs(["0"])
    assert "cuda:99" in run.data.tags[schema.ERROR]
    assert OfflineStore().runs() == []
