"""What was recorded while a real server was away, slow or in a bad mood is on it afterwards, once."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from conftest import REPOSITORY
from gate import gate
from mlflow.tracking import MlflowClient

from msl import schema
from msl.errors import TrackingError
from msl.tracking import lease, open_run
from msl.tracking.journal import Journal, segments
from msl.tracking.journalled import Journalled
from msl.tracking.progress import Progress, is_sent
from msl.tracking.run_folder import run_folder
from msl.tracking.sender import Sender, UnreachableError
from msl.tracking.status import go_on
from msl.tracking.sync import sync

pytestmark = pytest.mark.xdist_group("sender")  # one worker has the server


@pytest.fixture
def door(server, monkeypatch):
    """A gate in front of the server, which tests close; MLflow's client tries once."""
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    monkeypatch.setenv("MSL_GRACE_S", "0")
    with gate(server) as passage:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", passage.uri)
        yield passage


@pytest.fixture
def client(door):
    return MlflowClient(door.uri)


@pytest.fixture
def run_id(client):
    return client.create_run("0").info.run_id


class StoreCopy:
    """A copy of a SQLite store, for a time after something has gone wrong with it."""

    def __init__(self, file, copy):
        self.file, self._copy = file, copy

    def copy(self):
        with closing(sqlite3.connect(self.file)) as origin, closing(sqlite3.connect(self._copy)) as target:
            origin.backup(target)

    def bring_back(self):
        with closing(sqlite3.connect(self.file)) as target, closing(sqlite3.connect(self._copy)) as origin:
            origin.backup(target)


@pytest.fixture
def run_store_copy(store, tmp_path):
    return StoreCopy(tmp_path / "mlflow.db", tmp_path / "older.db")


def rows(client, run_id, name="loss"):
    return sorted((metric.step, metric.value) for metric in client.get_metric_history(run_id, name))


def journal_of(client, run_id, folder, steps=range(1, 6)):
    way = Journalled(client, run_id, 1, folder, "")
    for step in steps:
        way.rows({"loss": step / 2, "lr": 0.1}, step)
    way.secure(way.mark())
    return way


def send(client, run_id, way):
    sender = Sender(client, run_id, way.folder)
    sender.read()
    sender.send()


def test_rows_wait_for_a_checkpoint(client, run_id, tmp_path):
    way = journal_of(client, run_id, tmp_path)
    way.rows({"loss": 9.0}, 6)
    way.tags({"color": "blue"})
    send(client, run_id, way)
    assert rows(client, run_id) == [(step, step / 2) for step in range(1, 6)]
    assert client.get_run(run_id).data.tags["color"] == "blue"
    way.secure(way.mark())
    send(client, run_id, way)
    assert rows(client, run_id)[-1] == (6, 9.0)


@pytest.mark.parametrize("fault", ["away", "lost answer", 500, 503, 429, 401])
def test_what_a_server_does_not_take_now_it_takes_later_and_once(fault, door, client, run_id, tmp_path):
    way = journal_of(client, run_id, tmp_path)
    way.text("hello", "notes/a.txt")
    door.fault = lambda path, body: fault if "log-batch" in path else None
    with pytest.raises(UnreachableError):
        send(client, run_id, way)
    assert Progress.of(way.folder).trouble
    door.fault = lambda path, body: None
    way.end({schema.STATUS: schema.FINISHED})
    assert is_sent(way.folder)
    assert rows(client, run_id) == [(step, step / 2) for step in range(1, 6)]
    assert len(client.get_metric_history(run_id, "lr")) == 5
    assert client.get_run(run_id).info.status == "FINISHED"
    assert [file.path for file in client.list_artifacts(run_id, "notes")] == ["notes/a.txt"]


@pytest.mark.parametrize("fault", [400, 413])
def test_a_record_that_the_server_refuses_is_kept_and_the_others_pass(fault, door, client, run_id, tmp_path):
    way = journal_of(client, run_id, tmp_path)

    def refuse(path, body):
        is_third = any(m["step"] == 3 and m["key"] == "loss" for m in json.loads(body or b"{}").get("metrics", []))
        return fault if "log-batch" in path and is_third else None

    door.fault = refuse
    send(client, run_id, way)
    assert rows(client, run_id) == [(step, step / 2) for step in (1, 2, 4, 5)]
    assert len(client.get_metric_history(run_id, "lr")) == 5
    (line,) = (way.folder / "refused.jsonl").read_text().splitlines()
    assert json.loads(line)["record"]["step"] == 3
    assert str(fault) in json.loads(line)["reason"]
    way.end({schema.STATUS: schema.FINISHED})
    assert not is_sent(way.folder)  # so the folder of the run stays, and with it the record


@pytest.mark.parametrize(
    ("attempt", "is_secured", "is_doubled"), [(2, False, False), (2, True, True), (3, False, True)]
)
def test_a_run_that_was_killed_before_its_first_checkpoint(attempt, is_secured, is_doubled, client, run_id, tmp_path):
    """It begins again. What no checkpoint released was never sent; an attempt that is not here may have sent rows."""
    first = Journalled(client, run_id, 1, tmp_path, "")
    first.rows({"loss": 1.0}, 1)
    if is_secured:
        first.secure(first.mark())
    assert Journalled(client, run_id, attempt, tmp_path, "").is_doubled == is_doubled


@pytest.mark.parametrize("fault", [400, 413])
def test_a_file_that_the_server_refuses_is_kept_and_the_others_pass(fault, door, client, run_id, tmp_path):
    """A proxy may take fewer bytes than a checkpoint has."""
    way = journal_of(client, run_id, tmp_path)
    for name in "ab":
        way.text(name, f"notes/{name}.txt")
    door.fault = lambda path, body: fault if path.endswith("notes/a.txt") else None
    send(client, run_id, way)
    assert [file.path for file in client.list_artifacts(run_id, "notes")] == ["notes/b.txt"]
    assert len(rows(client, run_id)) == 5
    (line,) = (way.folder / "refused.jsonl").read_text().splitlines()
    assert str(fault) in json.loads(line)["reason"]
    assert (way.folder / json.loads(line)["record"]["path"]).read_text()
    way.end({schema.STATUS: schema.FINISHED})
    assert not is_sent(way.folder)  # so the folder of the run stays, and with it the file


def test_a_lost_answer_makes_no_second_run(door, client, monkeypatch):
    monkeypatch.delenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES")  # MLflow would send it again
    lost = iter(["lost answer"])
    door.fault = lambda path, body: next(lost, None) if path.endswith("runs/create") else None
    reporter = open_run(client, "once", {"test": "creation"})
    runs = client.search_runs(["0"], "tags.test = 'creation'")
    assert [run.info.run_id for run in runs] == [reporter.run_id]


@pytest.mark.parametrize("copied_at", [0, 3])
def test_a_store_that_is_replaced_by_an_older_copy_gets_the_rows_again(copied_at, store, run_store_copy, monkeypatch):
    client = MlflowClient(store)
    run_id = client.create_run("0").info.run_id
    with pytest.raises(RuntimeError), run_folder(run_id) as folder:
        way = journal_of(client, run_id, folder, range(1, copied_at + 1))
        send(client, run_id, way)
        run_store_copy.copy()
        for step in range(copied_at + 1, 6):
            way.rows({"loss": step / 2, "lr": 0.1}, step)
        way.tags({"color": "blue"})
        way.secure(way.mark())
        send(client, run_id, way)
        raise RuntimeError
    assert len(rows(client, run_id)) == 5
    run_store_copy.bring_back()
    client = MlflowClient(store)
    assert len(rows(client, run_id)) == copied_at
    (done,) = sync(client)
    assert done.is_done
    assert rows(client, run_id) == [(step, step / 2) for step in range(1, 6)]
    assert client.get_run(run_id).data.tags["color"] == "blue"


def test_a_run_that_the_store_does_not_have_is_kept(client, tmp_path):
    way = journal_of(client, "0" * 32, tmp_path)
    with pytest.raises(UnreachableError, match="not found"):
        send(client, "0" * 32, way)
    assert not (way.folder / "refused.jsonl").exists()


def test_times_never_run_back(client, run_id, tmp_path, monkeypatch):
    way = journal_of(client, run_id, tmp_path)
    an_hour_ago = time.time() - 3600
    monkeypatch.setattr(time, "time", lambda: an_hour_ago)
    way.rows({"loss": 7.0}, 6)
    way.secure(way.mark())
    send(client, run_id, way)
    times = [metric.timestamp for metric in sorted(client.get_metric_history(run_id, "loss"), key=lambda m: m.step)]
    assert times == sorted(times)


def test_a_resume_cuts_the_journal_back_to_its_checkpoint(client, run_id, tmp_path):
    way = Journalled(client, run_id, 1, tmp_path, "")
    way.rows({"loss": 1.0}, 1)
    mark = way.mark()
    way.rows({"loss": 2.0}, 2)
    way.secure(mark)
    send(client, run_id, way)

    again = Journalled(client, run_id, 2, tmp_path, mark)
    assert not again.is_doubled
    again.rows({"loss": 20.0}, 2)
    again.end({schema.STATUS: schema.FINISHED})
    assert rows(client, run_id) == [(1, 1.0), (2, 20.0)]


def test_final_scores_are_recorded_once_however_often_a_run_that_ended_is_taken_up(client, run_id, tmp_path):
    """Each start saves its checkpoint anew, so the mark of the newest one is behind the scores of the first."""
    mark = ""
    for attempt in range(1, 5):
        way = Journalled(client, run_id, attempt, tmp_path, mark, step=2)
        if attempt == 1:
            way.rows({"loss": 1.0}, 2)
        mark = way.mark()
        way.secure(mark)
        way.rows({"last/target/mIoU": 5.0, "best/target/mIoU": 6.0 + (attempt == 4)}, 2)
        way.end({schema.STATUS: schema.FINISHED})
    assert rows(client, run_id) == [(2, 1.0)]
    assert [metric.value for metric in client.get_metric_history(run_id, "last/target/mIoU")] == [5.0]
    assert [metric.value for metric in client.get_metric_history(run_id, "best/target/mIoU")] == [6.0, 7.0]


@pytest.mark.parametrize("mark", ["", "another:3"])
def test_a_resume_without_its_journal_says_that_rows_may_be_there_twice(mark, client, run_id, tmp_path):
    assert Journalled(client, run_id, 2, tmp_path, mark).is_doubled


def test_a_resume_from_before_what_was_sent_says_so(client, run_id, tmp_path):
    way = Journalled(client, run_id, 1, tmp_path, "")
    mark = way.mark()
    way.rows({"loss": 1.0}, 1)
    way.secure(way.mark())
    assert Journalled(client, run_id, 2, tmp_path, mark).is_doubled


def test_only_the_newest_of_a_file_is_uploaded(client, run_id, tmp_path):
    way = journal_of(client, run_id, tmp_path)
    for text in ("one", "two", "three"):
        way.text(text, "notes/a.txt")
    waiting = list((way.folder / "files").glob("*/*"))
    assert len(waiting) == 3
    send(client, run_id, way)
    assert list((way.folder / "files").iterdir()) == []
    assert Path(client.download_artifacts(run_id, "notes/a.txt")).read_text() == "three"


def test_a_second_sender_finds_what_the_first_has_left(door, client, run_id, tmp_path):
    way = journal_of(client, run_id, tmp_path)
    door.fault = lambda path, body: "away"
    for text in ("one", "two"):
        way.text(text, "notes/a.txt")
        with pytest.raises(UnreachableError):
            send(client, run_id, way)
    door.fault = lambda path, body: None
    send(client, run_id, way)
    assert Path(client.download_artifacts(run_id, "notes/a.txt")).read_text() == "two"


def test_a_sender_that_slept_between_two_records_does_not_send_the_second(door, server, run_id, tmp_path, monkeypatch):
    """Meanwhile another machine has continued the run, and ended it."""
    monkeypatch.setenv("MSL_LEASE_S", "1")
    other = MlflowClient(server)
    ours = lease.this_process()

    def sleep(path, body):
        if b"first" in body:
            time.sleep(1)
            elsewhere = replace(ours, host="elsewhere", machine="another")
            other.set_tag(run_id, schema.LEASE, str(lease.Lease(elsewhere, time.time() + 60)))
            other.set_terminated(run_id)

    door.fault = sleep
    way = journal_of(MlflowClient(door.uri), run_id, tmp_path)
    way.tags({"first": "1"})
    way.tags({"second": "2"})
    with pytest.raises(lease.LeaseLostError, match="on elsewhere"):
        send(MlflowClient(door.uri), run_id, way)
    run = other.get_run(run_id)
    assert (run.info.status, "first" in run.data.tags, "second" in run.data.tags) == ("FINISHED", True, False)


def test_a_sender_that_slept_while_a_run_began_does_not_open_it_again(store):
    other = MlflowClient(store)
    run_id = other.create_run("0").info.run_id

    class Sleeper(MlflowClient):
        def get_run(self, run_id):
            run = super().get_run(run_id)
            other.set_terminated(run_id)
            return run

    go_on(Sleeper(store), run_id)
    assert other.get_run(run_id).info.status == "FINISHED"


def checkpoint_journal(client, run_id, tmp_path, content):
    way = journal_of(client, run_id, tmp_path)
    (tmp_path / "last.pt").write_bytes(content)
    way.file(tmp_path / "last.pt", "checkpoints")
    return way


def test_a_checkpoint_has_a_second_name_while_it_is_uploaded(door, client, run_id, tmp_path):
    uploads = []
    door.fault = lambda path, body: uploads.append(path.rpartition("/")[2]) if "mlflow-artifacts" in path else None
    way = checkpoint_journal(client, run_id, tmp_path, b"x" * 1000)
    send(client, run_id, way)
    assert [name for name in uploads if name.endswith(".pt")][:2] == ["last.next.pt", "last.pt"]
    assert [file.path for file in client.list_artifacts(run_id, "checkpoints")] == ["checkpoints/last.pt"]


def test_an_upload_that_ends_midway_leaves_a_whole_file(door, client, run_id, tmp_path):
    door.fault = lambda path, body: "away" if path.endswith("/last.pt") else None
    way = checkpoint_journal(client, run_id, tmp_path, b"x" * 1000)
    with pytest.raises(UnreachableError):
        send(client, run_id, way)
    (file,) = client.list_artifacts(run_id, "checkpoints")
    assert (file.path, file.file_size) == ("checkpoints/last.next.pt", 1000)


TRAINING = """
import sys, time
from mlflow.tracking import MlflowClient
from msl.tracking import MlflowReporter, journalled, run_folder
from msl.tracking.ending import ending
reporter = MlflowReporter(MlflowClient(), sys.argv[1])
with ending(reporter), run_folder(sys.argv[1]) as folder, journalled(reporter, folder, "", 0):
    for step in range(1, int(sys.argv[2]) + 1):
        reporter.metrics({"loss": step / 2}, step)
        if step % 10 == 0:
            reporter.flush()
            reporter.secure(reporter.mark())
            print(step, flush=True)
        time.sleep(float(sys.argv[3]))
"""


def start(run_id, steps, pause, **env):
    command = [sys.executable, "-c", TRAINING, run_id, str(steps), str(pause)]
    env = {**os.environ, "PYTHONPATH": str(REPOSITORY), "MSL_SENDER": "process", **env}
    return subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def wait_for_status(client, run_id, status):
    deadline = time.monotonic() + 60
    while client.get_run(run_id).info.status != status and time.monotonic() < deadline:
        time.sleep(0.1)
    assert client.get_run(run_id).info.status == status


def test_a_training_ends_without_its_server_and_sync_sends_the_rest(door, client, run_id):
    door.fault = lambda path, body: "away"
    process = start(run_id, 100, 0.0)
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 0, output
    assert "`msl sync` sends it" in output
    with pytest.raises(TrackingError):  # as for a run whose journal is elsewhere
        list(sync(client, "0" * 32))
    (failed,) = sync(client, run_id)
    assert not failed.is_done
    door.fault = lambda path, body: None
    (done,) = sync(client)
    assert done.is_done
    assert rows(client, run_id) == [(step, step / 2) for step in range(1, 101)]
    assert client.get_run(run_id).info.status == "FINISHED"
    assert list(sync(client)) == []  # the folder of the run is gone


def signal_sender(run_id, number):
    (sender,) = subprocess.check_output(["pgrep", "-f", f"msl.tracking.send {run_id}"], text=True).split()
    os.kill(int(sender), number)


def test_a_stopped_training_leaves_the_rest_to_its_sender(client, run_id):
    process = start(run_id, 10_000, 0.01, MSL_GRACE_S="30")
    while process.stdout.readline().strip() != "10":
        pass
    signal_sender(run_id, signal.SIGSTOP)  # as one that is slow
    process.terminate()
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 143, output
    assert "its sender goes on" in output
    signal_sender(run_id, signal.SIGCONT)
    wait_for_status(client, run_id, "KILLED")


def test_a_sender_that_is_killed_is_started_again(client, run_id, monkeypatch):
    process = start(run_id, 1000, 0.01, MSL_GRACE_S="30")
    while process.stdout.readline().strip() != "10":
        pass
    signal_sender(run_id, signal.SIGKILL)
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 0, output
    assert rows(client, run_id) == [(step, step / 2) for step in range(1, 1001)]
    assert client.get_run(run_id).info.status == "FINISHED"


def test_a_training_whose_disk_is_full_ends_with_the_reason(client, run_id, small_disk):
    process = start(run_id, 100_000, 0.0, MSL_WORK=str(small_disk), MSL_GRACE_S="30")
    output, _ = process.communicate(timeout=120)
    assert process.returncode != 0
    assert "No space left on device. Free space there, or set MSL_WORK to another folder" in output
    wait_for_status(client, run_id, "FAILED")
    assert "No space left on device" in client.get_run(run_id).data.tags[schema.ERROR]


def test_the_sender_outlives_a_training_that_is_killed(client, run_id, monkeypatch):
    process = start(run_id, 10_000, 0.01, MSL_GRACE_S="30")
    while process.stdout.readline().strip() != "50":
        pass
    process.send_signal(signal.SIGKILL)
    process.wait()
    wait_for_status(client, run_id, "FAILED")
    assert "ended without a word" in client.get_run(run_id).data.tags[schema.ERROR]
    sent = rows(client, run_id)
    assert len(sent) >= 50
    assert len(sent) % 10 == 0  # up to the last checkpoint
    process.stdout.close()


def test_sync_marks_a_run_whose_process_and_sender_are_gone(client, run_id):
    with pytest.raises(RuntimeError), run_folder(run_id) as folder:
        book = Journal(folder / schema.JOURNAL_FOLDER)
        book.append({"kind": "start", "attempt": 1, "cut": 0})
        raise RuntimeError
    (done,) = sync(client)
    assert "marked FAILED" in done.text
    assert client.get_run(run_id).info.status == "FAILED"
    assert segments(folder / schema.JOURNAL_FOLDER)  # it stays for a resume


def test_sync_leaves_a_run_in_progress_to_its_sender(client, run_id):
    process = start(run_id, 10_000, 0.01)
    while process.stdout.readline().strip() != "10":
        pass
    results = list(sync(client))
    process.kill()
    process.communicate()
    assert [result.run_id for result in results] == [run_id]
    assert "marked" not in results[0].text
