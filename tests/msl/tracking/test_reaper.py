"""Dead runs are marked FAILED, and living ones never."""

import os
import subprocess
import sys
import time

import pytest
from conftest import REPOSITORY

from msl import schema
from msl.tracking import connect, lease, open_run, reaper
from msl.tracking.reaper import Reaper, reap_now
from msl.tracking.run_folder import work_folder
from msl.tracking.status import way_on
from msl.tracking.sync import sync


@pytest.fixture
def client(store):
    return connect()


def status(client, run_id):
    return client.get_run(run_id).info.status


def test_who_gives_no_sign_while_watched_is_dead(client):
    silent, alive = (open_run(client, name, {}) for name in ("silent", "alive"))
    parent = open_run(client, "parent", {})
    child = open_run(client, "child", {}, nested_in=parent.run_id)
    foreign = client.create_run("0").info.run_id
    for run_id in (silent.run_id, alive.run_id):  # clocks are not compared: both look an hour old
        client.set_tag(run_id, schema.HEARTBEAT, "2020-01-01T00:00:00Z")
    watcher = Reaper(client)
    assert watcher.look(0.2) == []
    time.sleep(0.3)
    for reporter in (alive, child):
        client.set_tag(reporter.run_id, schema.PROGRESS, "step 1")
    assert watcher.look(0.2) == [silent.run_id]
    run = client.get_run(silent.run_id)
    assert (run.info.status, run.data.tags[schema.STATUS]) == ("FAILED", "FAILED")
    assert run.data.tags[schema.ERROR].startswith("no sign of life of process ")
    assert "2020-01-01T00:00:00Z" in run.data.tags[schema.ERROR]
    assert run.data.tags[schema.ERROR].endswith("stopped. The same command starts it again")
    others = (alive.run_id, parent.run_id, child.run_id, foreign)
    assert {status(client, run_id) for run_id in others} == {"RUNNING"}


def test_a_dead_training_is_resumed(client):
    reporter = open_run(client, "one", {schema.FINGERPRINT: "0123"})
    assert reaper.mark_dead(client, client.get_run(reporter.run_id))
    message = client.get_run(reporter.run_id).data.tags[schema.ERROR]
    assert message.endswith(f"`msl sync` on that machine sends what is left there. {way_on(reporter.run_id, True)}")


def test_a_run_that_was_resumed_meanwhile_is_not_dead(client):
    reporter = open_run(client, "one", {})
    before = client.get_run(reporter.run_id)
    client.set_tag(reporter.run_id, schema.HEARTBEAT, "now")
    assert not reaper.mark_dead(client, before)
    assert status(client, reporter.run_id) == "RUNNING"


def test_a_run_that_was_taken_for_dead_and_lives_says_so(client):
    reporter = open_run(client, "one", {})
    assert reaper.mark_dead(client, client.get_run(reporter.run_id))
    lease.renew(client, reporter.run_id, lease.this_process(), {}, is_alive=True)
    run = client.get_run(reporter.run_id)
    assert run.info.status == "RUNNING"
    assert not {schema.ERROR, schema.STATUS} & set(run.data.tags)
    assert reaper.mark_dead(client, run)
    reporter.end(schema.FINISHED)  # before it could say so
    run = client.get_run(reporter.run_id)
    assert (run.info.status, run.data.tags[schema.STATUS]) == ("FINISHED", "FINISHED")
    assert schema.ERROR not in run.data.tags


BEGINNING = """
import time
from msl.tracking import connect, ending, open_run, run_folder
reporter = open_run(connect(), "one", {})
with ending(reporter), run_folder(reporter.run_id) as folder:
    (folder / ".config.1.tmp.json").write_text("half")
    print(reporter.run_id, flush=True)
    time.sleep(600)
"""


def test_sync_marks_a_run_that_was_killed_before_its_first_record_and_removes_its_folder(client, monkeypatch):
    env = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    with subprocess.Popen([sys.executable, "-c", BEGINNING], stdout=subprocess.PIPE, text=True, env=env) as process:
        run_id = process.stdout.readline().strip()
        assert list(sync(client)) == []
        assert (work_folder() / run_id / ".config.1.tmp.json").exists()
        process.kill()
        process.wait()
    (done,) = sync(client)
    assert (done.run_id, status(client, run_id)) == (run_id, "FAILED")
    assert done.text.startswith("marked FAILED: its process is gone")
    assert not (work_folder() / run_id).exists()


def test_reap_now_watches_before_it_marks(client, monkeypatch):
    dead, alive = (open_run(client, name, {}).run_id for name in ("dead", "alive"))
    for run_id in (dead, alive):
        client.set_tag(run_id, schema.HEARTBEAT, "2020-01-01T00:00:00Z")
    monkeypatch.setattr(time, "sleep", lambda s: client.set_tag(alive, schema.PROGRESS, "step 2"))
    assert reap_now(client) == [dead]
    assert status(client, alive) == "RUNNING"
