"""Two machines and one run: one goes on, the other says who holds it. A machine is a folder and a name here."""

import os
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import ExitStack, closing, contextmanager

import pytest
from conftest import REPOSITORY
from mlflow.tracking import MlflowClient
from tiny import SETTINGS, request
from trainings import start, wait_for

from msl import schema
from msl.errors import TrackingError
from msl.runs import run as carry_out
from msl.tracking import lease
from msl.tracking.journal import Reader
from msl.tracking.lease import Lease, LeaseLostError
from msl.tracking.sender import Sender
from msl.tracking.sync import sync

pytestmark = pytest.mark.usefixtures("tiny_store")

EVAL_EVERY = 40
LONG = {"max_iters": 100_000, "epoch_iters": 5, "eval_every": EVAL_EVERY, "log_every": 5, "checkpoint_every": 5}
SHORT_LEASE_S, FRESH_S = 4.0, 2.5


@pytest.fixture
def machine(monkeypatch, tmp_path):
    """Be another machine from now on."""

    def be(name):
        monkeypatch.setenv("MSL_MACHINE", name)
        monkeypatch.setenv("MSL_WORK", str(tmp_path / name))
        lease.this_process.cache_clear()

    yield be
    lease.this_process.cache_clear()


def running_past(folder, step):
    def look():
        for journal in folder.glob("*/journal"):
            contents = [record.content for record in Reader(journal).new()]
            if any(content["kind"] == "rows" and content["step"] >= step for content in contents):
                return journal.parent.name
        return None

    return look


@contextmanager
def training_on(machine, name, tmp_path, **settings):
    """A training on another machine, past its second checkpoint: its process, its sender's ID, and the run's."""
    machine(name)
    with start("pretrain", **{**SETTINGS, **LONG, **settings}) as process:
        run_id = wait_for(running_past(tmp_path / name, 10), process)
        client = MlflowClient()
        wait_for(lambda: client.get_metric_history(run_id, "loss/source") or None, process)
        pattern = f"msl.tracking.send {run_id}"
        (sender,) = subprocess.check_output(["pgrep", "-f", pattern], text=True).split()
        yield process, int(sender), run_id


def stop(pid):
    """Stop a process where it holds no lock of the store's file, on which everybody else would wait.

    A reader's lock counts, too: others can begin to write then, and cannot commit.
    """
    file = os.environ["MLFLOW_TRACKING_URI"].removeprefix("sqlite:///")
    for _ in range(100):
        os.kill(pid, signal.SIGSTOP)
        time.sleep(0.05)  # until the signal has reached each thread
        with closing(sqlite3.connect(file, timeout=0.1, isolation_level=None)) as store:
            try:
                store.execute("BEGIN EXCLUSIVE")
                return
            except sqlite3.OperationalError:
                os.kill(pid, signal.SIGCONT)
    pytest.fail(f"process {pid} held a lock of {file} each time it was stopped")


def stop_asleep(sender, run_id, journal):
    """Stop a sender that has nothing to send and has just renewed its lease.

    Stopped between a look at the lease and what it sends then, it would send that whenever it goes on.
    """
    client = MlflowClient()

    def is_asleep():
        book = Sender(client, run_id, journal)
        book.read()
        return book.count == 0 and Lease.of(client.get_run(run_id)).until > time.time() + FRESH_S

    for _ in range(100):
        while not is_asleep():
            time.sleep(0.02)
        stop(sender)
        if is_asleep():
            return
        os.kill(sender, signal.SIGCONT)
    pytest.fail(f"sender {sender} was never asleep")


def stored_rows(run_id):
    """Every row, but for times, memory, and the mark of a resume without the journal."""
    client, left_out = MlflowClient(), ("speed/", "memory/", schema.ATTEMPT)
    names = [name for name in client.get_run(run_id).data.metrics if not name.startswith(left_out)]
    return {name: [(m.step, m.value) for m in client.get_metric_history(run_id, name)] for name in names}


def distinct(rows):
    """A checkpoint is uploaded after it is safe here, so another machine may train the last rows again."""
    return {name: set(values) for name, values in rows.items()}


def whole_rows(end):
    """The rows of a training that was never interrupted."""
    run_id = carry_out(request("pretrain", **{**LONG, "max_iters": end})).run_id
    rows = stored_rows(run_id)
    MlflowClient().delete_run(run_id)
    return rows


def end_after(run_id):
    """A step at which a run may end that was interrupted before it."""
    newest = max(metric.step for metric in MlflowClient().get_metric_history(run_id, "loss/source"))
    return (newest // EVAL_EVERY + 1) * EVAL_EVERY


def test_a_machine_that_stops_is_followed_by_another_and_says_so_when_it_comes_back(machine, tmp_path, monkeypatch):
    client = MlflowClient()
    with training_on(machine, "left", tmp_path) as (process, sender, run_id):
        machine("right")
        before = client.get_run(run_id).data.tags
        with pytest.raises(TrackingError, match=rf"trained by process {process.pid} on left \(its lease is valid un"):
            carry_out(request("pretrain", resume=run_id))
        after = client.get_run(run_id)
        moving = (schema.LEASE, schema.HEARTBEAT, schema.PROGRESS)
        assert {k: v for k, v in after.data.tags.items() if k not in moving} == {
            k: v for k, v in before.items() if k not in moving
        }
        assert after.info.status == "RUNNING"
        os.kill(sender, signal.SIGKILL)
        process.kill()
        process.wait()

    with pytest.raises(TrackingError, match="on left"):  # the lease is valid, though nobody is there any more
        carry_out(request("pretrain", resume=run_id))
    held = Lease.of(client.get_run(run_id))
    client.set_tag(run_id, schema.LEASE, str(Lease(held.holder, time.time() - 1)))  # as if three minutes had passed
    monkeypatch.setattr(lease, "WATCHED_S", 0.1)
    end = end_after(run_id)
    carry_out(request("pretrain", resume=run_id, max_iters=end))
    rows = stored_rows(run_id)
    assert distinct(rows) == distinct(whole_rows(end))

    machine("left")
    (told,) = sync(client, run_id)
    assert f"run {run_id} is continued by process {os.getpid()} on right" in told.text
    assert stored_rows(run_id) == rows
    assert client.get_run(run_id).info.status == "FINISHED"
    assert not (tmp_path / "left" / run_id).exists()


def test_a_training_that_slept_while_another_machine_went_on_stops_without_a_row(machine, tmp_path, monkeypatch):
    client = MlflowClient()
    monkeypatch.setenv("MSL_LEASE_S", str(SHORT_LEASE_S))
    with training_on(machine, "left", tmp_path) as (process, sender, run_id):
        stop(process.pid)
        stop_asleep(sender, run_id, tmp_path / "left" / run_id / schema.JOURNAL_FOLDER)
        machine("right")
        monkeypatch.setattr(lease, "WATCHED_S", 0.1)
        deadline = time.monotonic() + 60
        while Lease.of(client.get_run(run_id)).until > time.time() and time.monotonic() < deadline:
            time.sleep(0.1)
        end = end_after(run_id)
        carry_out(request("pretrain", resume=run_id, max_iters=end))
        rows = stored_rows(run_id)
        assert distinct(rows) == distinct(whole_rows(end))
        for pid in (process.pid, sender):
            os.kill(pid, signal.SIGCONT)
        output, _ = process.communicate(timeout=120)
    assert process.returncode == 1
    assert f"run {run_id} is continued by process {os.getpid()} on right, which took it over" in output
    assert stored_rows(run_id) == rows
    run = client.get_run(run_id)
    assert (run.info.status, run.data.tags[schema.ATTEMPTS]) == ("FINISHED", "2")
    assert schema.ERROR not in run.data.tags


def test_a_clock_that_is_ahead_takes_no_run_that_gives_signs(machine, tmp_path, monkeypatch):
    client, run_id = MlflowClient(), carry_out(request("pretrain")).run_id
    machine("left")
    ours = lease.new_lease(lease.this_process())
    client.set_tag(run_id, schema.LEASE, str(Lease(ours.holder, time.time() - 3600)))
    client.update_run(run_id, status="RUNNING")
    machine("right")
    monkeypatch.setattr(time, "sleep", lambda s: client.set_tag(run_id, schema.HEARTBEAT, "a sign"))
    with pytest.raises(TrackingError, match="on left"):
        lease.refuse_if_held(client, run_id)
    monkeypatch.setattr(time, "sleep", lambda s: None)
    lease.refuse_if_held(client, run_id)


def test_a_lease_of_a_process_here_ends_with_the_process(machine):
    client, run_id = MlflowClient(), carry_out(request("pretrain")).run_id
    script = "from msl.tracking.lease import *; print(new_lease(this_process()), flush=True); input()"
    env = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    with subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=env
    ) as process:
        client.set_tag(run_id, schema.LEASE, process.stdout.readline())
        client.update_run(run_id, status="RUNNING")
        with pytest.raises(TrackingError, match=f"trained by process {process.pid} on"):
            lease.refuse_if_held(client, run_id)
        with pytest.raises(LeaseLostError):
            lease.require(client, run_id, lease.this_process())
        process.kill()
        process.wait()
    lease.refuse_if_held(client, run_id)
    lease.require(client, run_id, lease.this_process())


ROUNDS = 8
TAKING = """
import sys, time
from contextlib import suppress
from mlflow.tracking import MlflowClient
from msl.errors import TrackingError
from msl.tracking.lease import LeaseLostError, require, take, this_process
client = MlflowClient()
client.search_experiments()
print("ready", flush=True)
start, taken = float(input()), []
for number, run_id in enumerate(sys.argv[1:]):
    time.sleep(max(0.0, start + number - time.time()))
    try:
        take(client, run_id)
        taken.append(run_id)
    except TrackingError as error:
        assert "is being trained by process" in str(error)
print("done", flush=True)
input()
for run_id in taken:  # as a sender does before it sends anything
    with suppress(LeaseLostError):
        require(client, run_id, this_process())
        print(run_id, flush=True)
"""


def test_of_two_machines_that_take_a_run_at_the_same_moment_one_has_it():
    client = MlflowClient()
    runs = [client.create_run("0").info.run_id for _ in range(ROUNDS)]
    for run_id in runs:
        client.set_terminated(run_id, "FAILED")
    env = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    with ExitStack() as stack:
        processes = [
            stack.enter_context(
                subprocess.Popen(
                    [sys.executable, "-c", TAKING, *runs],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    text=True,
                    env=env | {"MSL_MACHINE": name},
                )
            )
            for name in ("left", "right")
        ]
        for process in processes:
            assert process.stdout.readline() == "ready\n"
        start_at = time.time() + 1
        for process in processes:
            process.stdin.write(f"{start_at}\n")
            process.stdin.flush()
        for process in processes:  # both may believe it, if one was held up between its look and its write
            assert process.stdout.readline() == "done\n"
        taken = [process.communicate("\n", timeout=120)[0].split() for process in processes]
        assert [process.returncode for process in processes] == [0, 0]
    assert sorted(taken[0] + taken[1]) == sorted(runs)  # each run once
    for run_id in runs:
        host = Lease.of(client.get_run(run_id)).holder.host
        assert (host == "left") == (run_id in taken[0])


def test_who_takes_a_run_looks_again_whether_it_has_it(machine, monkeypatch):
    client, run_id = MlflowClient(), carry_out(request("pretrain")).run_id
    machine("left")
    other = str(lease.new_lease(lease.this_process()))
    machine("right")
    monkeypatch.setattr(time, "sleep", lambda s: client.set_tag(run_id, schema.LEASE, other))
    with pytest.raises(TrackingError, match=rf"trained by process {os.getpid()} on left"):
        lease.take(client, run_id)
