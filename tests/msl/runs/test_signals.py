"""A signal ends a training after its step, with a checkpoint, as KILLED; real processes."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from conftest import REPOSITORY
from mlflow.tracking import MlflowClient
from servers import mlflow_command
from tiny import SETTINGS, artifact, checkpoint, request
from trainings import arguments, running_past, start, started, wait_for

from msl.runs import run as carry_out
from msl.tracking import connect, ending, open_run

pytestmark = pytest.mark.usefixtures("tiny_store")

LONG = {**SETTINGS, "max_iters": 4000, "eval_every": 4000, "log_every": 1}
SLOW = {**SETTINGS, "source": "many.yaml", "eval_images": 300, "log_every": 1, "max_iters": 6}
GRACE_S = 30


def write_many(folder):
    """A domain whose evaluation takes long."""
    text = (folder / "tiny.yaml").read_text()
    (folder / "many.yaml").write_text(text.replace("name: tiny", "name: many").replace("val: 3", "val: 300"))


def status_of(run_id):
    """Status, and what the run itself says, once the sender has sent it."""
    deadline = time.monotonic() + 60
    while (run := MlflowClient().get_run(run_id)).info.status == "RUNNING" and time.monotonic() < deadline:
        time.sleep(0.1)
    return run.info.status, run.data.tags.get("msl.status"), run.data.tags.get("msl.error")


def last_row(run_id):
    return max(row.step for row in MlflowClient().get_metric_history(run_id, "loss/source"))


@pytest.mark.parametrize(
    ("number", "is_for_group", "exit_code"),
    [(signal.SIGTERM, True, 143), (signal.SIGINT, True, 1), (signal.SIGHUP, False, 129)],
)
def test_a_signal_lets_the_step_end_and_a_checkpoint_be_written(number, is_for_group, exit_code):
    with start("pretrain", **{**LONG, "num_workers": 1}) as process:
        run_id = wait_for(running_past(4), process)
        (os.killpg if is_for_group else os.kill)(process.pid, number)
        sent_at = time.monotonic()
        output, _ = process.communicate(timeout=GRACE_S)
    assert time.monotonic() - sent_at < GRACE_S
    assert process.returncode == exit_code, output
    message = f"stopped by {number.name}. The run can be continued: -P resume={run_id}"
    assert message in output
    assert status_of(run_id) == ("KILLED", "KILLED", message)
    assert checkpoint(run_id)["step"] == last_row(run_id) >= 4
    assert "Traceback" not in output


@pytest.mark.parametrize("workers", [0, 1])
def test_an_interrupted_evaluation_is_made_up_for(workers, tmp_path, curves):
    """The signal also ends the loading process, on which the evaluation waits."""
    write_many(tmp_path)
    with start("pretrain", **SLOW | {"num_workers": workers}) as process:
        run_id = wait_for(running_past(4), process)  # its row comes before the evaluation
        time.sleep(workers)  # until the process has begun to load
        os.killpg(process.pid, signal.SIGTERM)
        process.communicate(timeout=GRACE_S)
    assert process.returncode == 143
    assert status_of(run_id)[0] == "KILLED"
    assert checkpoint(run_id)["step"] == 4
    assert not MlflowClient().get_metric_history(run_id, "source/mIoU")

    (tmp_path / "many.yaml").write_text((tmp_path / "many.yaml").read_text())
    resumed = carry_out(request("pretrain", resume=run_id))
    whole = carry_out(request("pretrain", **SLOW))
    assert curves(resumed.run_id) == curves(whole.run_id)
    for name in ("last.pt", "best.pt"):
        one, two = (checkpoint(run, name) for run in (whole.run_id, run_id))
        assert one["step"] == two["step"]
        assert all(torch.equal(value, two["weights"][key]) for key, value in one["weights"].items())
    assert [row.step for row in MlflowClient().get_metric_history(run_id, "source/mIoU")] == [4, 6]
    assert status_of(run_id) == ("FINISHED", "FINISHED", None)


def project(stage, **options):
    """`mlflow run` of a stage."""
    typed = [part for argument in arguments(options) for part in ("-P", argument)]
    return [sys.executable, "-m", "mlflow", "run", str(REPOSITORY), "-e", stage, "--env-manager", "local", *typed]


@pytest.mark.parametrize(
    ("number", "is_for_group", "reason"),
    [
        (signal.SIGKILL, False, "stopped because the process that started it (`mlflow run`) has ended"),
        (signal.SIGINT, True, "stopped by SIGINT"),  # Ctrl-C; `mlflow run` then sends SIGTERM, too
    ],
)
def test_under_mlflow_run(number, is_for_group, reason, monkeypatch):
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("MSL_WORK", str(Path(".msl").absolute()))
    with started(project("pretrain", **{**LONG, "source": Path("tiny.yaml").absolute(), "target": "none"})) as process:
        run_id = wait_for(running_past(4), process)
        (os.killpg if is_for_group else os.kill)(process.pid, number)
        output, _ = process.communicate(timeout=GRACE_S)
    assert process.returncode != 0, output
    deadline = time.monotonic() + GRACE_S
    while MlflowClient().get_run(run_id).data.tags.get("msl.status") is None and time.monotonic() < deadline:
        time.sleep(0.1)
    status, own_status, message = status_of(run_id)
    assert own_status == "KILLED"
    assert status in ("KILLED", "FAILED")  # `mlflow run` may set the latter
    assert message.startswith(reason)
    assert checkpoint(run_id)["step"] == last_row(run_id) >= 4


def test_it_is_gone_within_the_grace_while_the_server_hangs(tmp_path, monkeypatch):
    (tmp_path / "server").mkdir()
    options = ["server", "--backend-store-uri", os.environ["MLFLOW_TRACKING_URI"], "--workers", "1"]
    with mlflow_command(options, "/health", tmp_path / "server") as address:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
        ids = subprocess.check_output(["pgrep", "-f", f"mlflow.*{address.rpartition(':')[2]}"]).split()
        server = min(map(int, ids))  # the first process of its group
        with start("pretrain", **LONG) as process:
            run_id = wait_for(running_past(4), process)
            os.killpg(server, signal.SIGSTOP)
            try:
                time.sleep(1)
                process.send_signal(signal.SIGTERM)
                sent_at = time.monotonic()
                process.communicate(timeout=GRACE_S)
                assert time.monotonic() - sent_at < GRACE_S
            finally:
                os.killpg(server, signal.SIGCONT)
        assert process.returncode == 143
        assert (Path(".msl") / run_id / "last.pt").is_file()
        assert status_of(run_id)[:2] == ("KILLED", "KILLED")  # the sender goes on for a while


def test_a_run_that_only_prepares_ends_at_once():
    reporter = open_run(connect(), "mine", {})
    with pytest.raises(SystemExit) as ended, ending(reporter):
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(60)
    assert ended.value.code == 143
    assert status_of(reporter.run_id)[:2] == ("KILLED", "KILLED")


def test_a_signal_that_is_ignored_stays_ignored():
    previous = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as `nohup` does
    try:
        reporter = open_run(connect(), "mine", {})
        with ending(reporter):
            os.kill(os.getpid(), signal.SIGHUP)
    finally:
        signal.signal(signal.SIGHUP, previous)
    assert status_of(reporter.run_id) == ("FINISHED", "FINISHED", None)


HANGS = """
import ctypes, os, signal, threading
from msl.tracking import signals
signals._ENDED_S = 1.0
killed = signals.Signals(lambda error: print("killed", flush=True))
with signals.handling(killed, False):
    threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGTERM)).start()
    mutex = ctypes.create_string_buffer(64)
    for _ in range(2):
        ctypes.CDLL(None).pthread_mutex_lock(mutex)
"""


def test_a_process_that_hangs_is_ended():
    env = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    done = subprocess.run([sys.executable, "-c", HANGS], env=env, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (143, "killed\n"), done.stderr


def test_an_error_leaves_its_traceback():
    reporter = open_run(connect(), "mine", {})
    with pytest.raises(ZeroDivisionError), ending(reporter):
        print(1 / 0)
    assert status_of(reporter.run_id) == ("FAILED", "FAILED", "ZeroDivisionError: division by zero")
    trace = artifact(reporter.run_id, "error/traceback.txt").read_text()
    assert "print(1 / 0)" in trace
    assert trace.endswith("ZeroDivisionError: division by zero\n")
