"""A process that is stopped, or whose machine is lost, ends the others though they wait for it."""

import os
import signal
import time
from pathlib import Path

import pytest
import torch
from teams import started_team

from msl.numerics import ranks
from msl.training.distributed import watch
from msl.training.distributed.team import team
from msl.training.stop import StopRequest


@pytest.fixture(autouse=True)
def _impatient(monkeypatch):
    monkeypatch.setattr(watch, "_SILENT_S", 3.0)
    monkeypatch.setattr(watch, "_LOOK_EVERY_S", 0.2)
    monkeypatch.setattr(watch, "_GRACE_S", 0.5)


def test_a_stopped_process_ends_the_first_one(tmp_path):
    def end(reason):
        (tmp_path / "reason").write_text(reason)
        os._exit(0)

    def work(rank):
        crew = team()
        if rank:
            crew.called()
        with crew.training("cpu", end):
            time.sleep(0.5)  # for a sign of life
            if rank:
                os.kill(os.getpid(), signal.SIGSTOP)
            ranks.total(torch.ones(1))  # waits for ever

    with started_team(2, work) as (first, stopped):
        first.join(30)
        os.kill(stopped.pid, signal.SIGKILL)
        stopped.join()
    assert first.exitcode == 0
    assert "process 1 of 2" in (tmp_path / "reason").read_text()
    assert "no sign of life" in (tmp_path / "reason").read_text()


def test_a_request_to_end_reaches_every_process(tmp_path):
    def work(rank):
        crew, stop = team(), StopRequest()
        if rank:
            crew.called()
        with crew.training("cpu", lambda reason: os._exit(1)), crew.watching(stop):
            if rank:
                stop.make(SystemExit(143))
            until = time.monotonic() + 10
            while not stop.is_made and time.monotonic() < until:
                time.sleep(0.05)
            (tmp_path / f"{rank}").write_text(str(stop.exit_code))
            assert stop.agree()

    with started_team(2, work) as processes:
        for process in processes:
            process.join(30)
            assert process.exitcode == 0
    assert [Path(tmp_path / name).read_text() for name in "01"] == ["143", "143"]
