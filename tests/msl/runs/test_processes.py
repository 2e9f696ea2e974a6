"""One training in two processes over gloo: what one process does, and an end of one that ends both."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from mlflow.tracking import MlflowClient
from processes import TEN, difference
from teams import trained
from tiny import SETTINGS, checkpoint, request
from trainings import arguments, running_past, start, started, wait_for

from msl import schema
from msl.errors import ConfigError
from msl.runs import run as carry_out

pytestmark = pytest.mark.usefixtures("tiny_store")

LONG = {**SETTINGS, "max_iters": 4000, "eval_every": 4000, "log_every": 1, "nproc": 2, "target": "none"}
MINUTE = 60


@pytest.fixture
def _double_precision():
    """So few pixels amplify what is rounded in another order; BatchNorm most of all."""
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


@pytest.mark.usefixtures("_double_precision")
def test_ten_steps_of_two_processes_are_those_of_one():
    """The short form of ``tests/processes.py``."""
    pretrained = trained(1, request("pretrain", **TEN | {"max_iters": 1, "target": None}, multi=True))
    mode = {"target_mode": "IW_maxsquare", "threshold": 0.5, "extra_metrics": "ECE", "clip_norm": 1.0}
    settings = {**TEN, **mode, "batch_size": 3, "multi": True, "checkpoint": f"runs:/{pretrained}"}
    alone = trained(1, request("adapt", **settings))
    two = trained(2, request("adapt", nproc=2, recompute=True, **settings))
    assert not difference(alone, two)
    assert [MlflowClient().get_run(run_id).data.params["cfg.nproc"] for run_id in (alone, two)] == ["1", "2"]


def end_of(run_id):
    """Status and message of a run, once its sender has sent them."""
    deadline = time.monotonic() + MINUTE
    while (run := MlflowClient().get_run(run_id)).info.status == "RUNNING" and time.monotonic() < deadline:
        time.sleep(0.1)
    return run.data.tags.get(schema.STATUS), run.data.tags.get(schema.ERROR, "")


def ranks_of(process):
    """Process ids by rank of the processes that a command has started."""
    ids = {}
    for number in subprocess.run(["pgrep", "-P", str(process.pid)], capture_output=True, text=True).stdout.split():
        variables = Path(f"/proc/{number}/environ").read_bytes().split(b"\0")
        rank = next((int(value.partition(b"=")[2]) for value in variables if value.startswith(b"RANK=")), None)
        ids |= {} if rank is None else {rank: int(number)}
    return ids


def test_a_lost_process_ends_the_run_within_a_minute_and_one_process_resumes_it():
    with start("pretrain", **LONG) as process:
        run_id = wait_for(running_past(4), process)
        os.kill(ranks_of(process)[1], signal.SIGKILL)
        sent_at = time.monotonic()
        output, _ = process.communicate(timeout=2 * MINUTE)
    assert time.monotonic() - sent_at < MINUTE
    assert process.returncode == 1, output
    assert "process 1 of 2" in output
    status, message = end_of(run_id)
    assert status == schema.FAILED, message
    assert "process 1 of 2" in message

    step = int(max(row.step for row in MlflowClient().get_metric_history(run_id, "loss/source")))
    resumed = carry_out(request("pretrain", resume=run_id, max_iters=step + 3))
    assert resumed.run_id == run_id
    assert end_of(run_id)[0] == schema.FINISHED
    assert MlflowClient().get_run(run_id).data.tags[schema.changed("nproc")] == "1"


def test_a_signal_to_the_command_ends_both_with_a_checkpoint():
    with start("pretrain", **LONG) as process:
        run_id = wait_for(running_past(4), process)
        os.kill(process.pid, signal.SIGTERM)
        output, _ = process.communicate(timeout=MINUTE)
    assert process.returncode == 143, output
    assert "Traceback" not in output
    status, message = end_of(run_id)
    assert (status, message) == (schema.KILLED, f"stopped by SIGTERM. The run can be continued: -P resume={run_id}")
    rows = [row.step for row in MlflowClient().get_metric_history(run_id, "loss/source")]
    assert checkpoint(run_id)["step"] == max(rows) >= 4
    assert len(rows) == len(set(rows))


def test_torchrun_starts_a_stage_and_the_stage_that_it_needs():
    options = {**SETTINGS, **TEN, "max_iters": 2, "recipe": "streets"}
    typed = [f"--{option}" for option in arguments(options)]
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"]
    with started([*torchrun, "-m", "entrypoints.adapt", *typed]) as process:
        output, _ = process.communicate(timeout=2 * MINUTE)
    assert process.returncode == 0, output
    runs = MlflowClient().search_runs(["0"])
    assert {run.data.tags[schema.STAGE] for run in runs} == {"adapt", "pretrain"}
    assert {run.info.status for run in runs} == {"FINISHED"}
    assert {run.data.params["cfg.nproc"] for run in runs} == {"2"}
    assert len(re.findall(r"run [0-9a-f]{32}", output)) >= 1


def test_more_processes_than_images_of_a_batch_are_refused():
    with pytest.raises(ConfigError, match="nproc = 3 is larger than batch_size = 2"):
        request("pretrain", nproc=3)


def test_an_error_of_the_first_process_is_that_of_the_command():
    with pytest.raises(ConfigError, match="device = cuda:7"):
        carry_out(request("pretrain", nproc=2, device="cuda:7"))
