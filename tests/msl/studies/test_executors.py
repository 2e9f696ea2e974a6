"""Executors with real processes, and with a real Slurm where there is one."""

import os
import shutil
import sys
import time
from pathlib import Path

import pytest

from msl.errors import ConfigError
from msl.studies.executors import ExecutorOptions, JobRequest
from msl.studies.executors.local import Local
from msl.studies.executors.slurm import Slurm

needs_slurm = pytest.mark.skipif(
    shutil.which("sbatch") is None or "SLURM_CONF" not in os.environ,
    reason="no Slurm: sbatch is not on the PATH, or SLURM_CONF does not name its settings",
)


def job(folder, command, cores=1, cards=0, memory_gb=0.1):
    return JobRequest(
        name="msl-test",
        command=["/bin/sh", "-c", command],
        environment={"WORD": "hello there"},
        folder=folder,
        log=folder / "job.log",
        cores=cores,
        memory_gb=memory_gb,
        cards=cards,
    )


def wait_until_over(executor, handles, patience_s=60):
    until = time.monotonic() + patience_s
    while executor.alive(handles):
        assert time.monotonic() < until
        time.sleep(executor.poll_s / 4)


def test_local_jobs_write_their_logs_and_end(tmp_path):
    executor = Local(ExecutorOptions(slots=2))
    handles = executor.submit([job(tmp_path, 'echo "$WORD"; pwd'), job(tmp_path, "exit 3")])
    wait_until_over(executor, handles)
    assert (tmp_path / "job.log").read_text().splitlines() == ["hello there", str(tmp_path)]


def test_local_slots_hold_for_jobs_of_an_earlier_driver(tmp_path):
    first = Local(ExecutorOptions(slots=1))
    handles = first.submit([job(tmp_path, "exec sleep 60")])
    second = Local(ExecutorOptions(slots=1))
    assert second.alive(handles) == set(handles)
    assert not second.take_slot(job(tmp_path, "true"))
    second.cancel(handles)
    wait_until_over(first, handles, 10)
    assert second.alive(handles) == set()
    assert second.take_slot(job(tmp_path, "true"))


def test_each_card_is_for_one_job(tmp_path, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,5")
    executor = Local(ExecutorOptions(slots=8))
    handles = []
    for _ in range(2):
        assert executor.take_slot(job(tmp_path, "true", cards=1))
        handles += executor.submit([job(tmp_path, "echo $CUDA_VISIBLE_DEVICES; exec sleep 60", cards=1)])
    assert not executor.take_slot(job(tmp_path, "true", cards=1))
    assert executor.take_slot(job(tmp_path, "true"))
    with pytest.raises(ConfigError, match="needs 3 graphics cards, and this machine has 2"):
        executor.take_slot(job(tmp_path, "true", cards=3))
    while len((tmp_path / "job.log").read_text().split()) < 2:
        time.sleep(0.02)
    executor.cancel(handles)
    assert sorted((tmp_path / "job.log").read_text().split()) == ["4", "5"]
    wait_until_over(executor, handles, 10)


def test_memory_is_for_those_who_run(tmp_path):
    executor = Local(ExecutorOptions())
    large = job(tmp_path, "exec sleep 60", memory_gb=1e6)
    assert executor.take_slot(large)  # alone, everything runs
    handles = executor.submit([large])
    assert not executor.take_slot(job(tmp_path, "true"))
    executor.cancel(handles)
    wait_until_over(executor, handles, 10)


def test_without_slurm_the_way_out_is_named(monkeypatch):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(ConfigError, match="sbatch, squeue, scancel cannot be found.*executor=local"):
        Slurm(ExecutorOptions())


@needs_slurm
def test_slurm_jobs_are_an_array_and_are_cancelled(tmp_path):
    executor = Slurm(ExecutorOptions())
    code = f"{sys.executable} -c 'import os; print(os.environ[\"WORD\"], os.getcwd())'"
    handles = executor.submit([job(tmp_path, code), job(tmp_path, "exec sleep 600")])
    assert [handle.partition("_")[2] for handle in handles] == ["0", "1"]
    until = time.monotonic() + 60
    while handles[0] in executor.alive(handles):
        assert time.monotonic() < until
        time.sleep(0.5)
    assert Path(tmp_path / "job.log").read_text() == f"hello there {tmp_path}\n"
    executor.cancel(handles)
    wait_until_over(executor, handles)
