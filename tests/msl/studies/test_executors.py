"""Executors with real processes, and with a real Slurm where there is one."""

import os
import shutil
import sys
import time
from functools import partial
from pathlib import Path

import pytest
from pydantic import ValidationError

from msl.config import StudyConfig
from msl.errors import ConfigError
from msl.studies import Row
from msl.studies.executors import ExecutorOptions, JobRequest, Needs
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
        needs=Needs(cores, memory_gb, cards),
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


def shown(executor, folder, cards, count):
    """The cards that so many jobs see that need `cards` each; those for which there is no room are not started."""
    folder.mkdir()
    handles = []
    for number in range(count):
        says = f"echo $CUDA_VISIBLE_DEVICES >{number}.tmp; mv {number}.tmp {number}; exec sleep 60"
        if executor.take_slot(job(folder, says, cards=cards)):
            handles += executor.submit([job(folder, says, cards=cards)])
    files = [folder / str(number) for number in range(len(handles))]
    until = time.monotonic() + 60
    while not all(file.exists() for file in files):
        assert time.monotonic() < until
        time.sleep(0.02)
    return handles, [file.read_text().strip() for file in files]


def test_jobs_share_a_card(tmp_path, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,5")
    executor = Local(ExecutorOptions(slots=16))
    tenths, cards = shown(executor, tmp_path / "tenths", 0.1, 10)
    assert cards == ["4"] * 10  # the other card stays whole
    whole, cards = shown(executor, tmp_path / "whole", 1, 2)
    assert cards == ["5"]
    assert not executor.take_slot(job(tmp_path, "true", cards=0.1))
    executor.cancel(whole)
    wait_until_over(executor, whole, 10)
    after = Local(ExecutorOptions(slots=16))  # of a driver that was started again
    after.alive(tenths)
    third, cards = shown(after, tmp_path / "third", 0.3, 5)
    assert cards == ["5"] * 3
    for parent, handles in ((executor, tenths), (after, third)):
        parent.cancel(handles)
        wait_until_over(parent, handles, 10)


@pytest.mark.parametrize(("visible", "seen"), [("4,5", ["4", "5"]), ("", ["", "", ""])])
def test_a_job_that_says_nothing_of_cards_gets_one_where_there_are_any(tmp_path, monkeypatch, visible, seen):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    executor = Local(ExecutorOptions(slots=8))
    handles, cards = shown(executor, tmp_path / "jobs", None, 3)
    assert cards == seen
    executor.cancel(handles)
    wait_until_over(executor, handles, 10)


@pytest.mark.parametrize("cards", [-1, 1.5, 1e-3, float("inf")])
def test_what_is_neither_a_number_of_cards_nor_a_share_is_refused(cards):
    for declare in (partial(StudyConfig.of, name="one"), partial(Row, stage="adapt")):
        with pytest.raises((ConfigError, ValidationError), match="cards"):
            declare(cards=cards)


def test_a_job_that_needs_a_card_never_goes_without(tmp_path, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")  # since an earlier start of its study
    with pytest.raises(ConfigError, match="needs 0.5 graphics cards, and this machine has 0. Pass cards=0 for all"):
        Local(ExecutorOptions()).take_slot(job(tmp_path, "true", cards=0.5))


SMI = """GPU 0: NVIDIA A100 (UUID: GPU-1)
  MIG 1g.5gb Device 0: (UUID: MIG-1)
  MIG 1g.5gb Device 1: (UUID: MIG-2)
GPU 1: NVIDIA A100 (UUID: GPU-3)
"""


@pytest.mark.parametrize(
    ("visible", "listed", "cards"),
    [(None, SMI, 2), (None, "No devices were found\n", 0), ("-1", SMI, 0), ("3,-1,4", SMI, 1), ("", SMI, 0)],
)
def test_cards_are_those_that_cuda_shows(tmp_path, monkeypatch, visible, listed, cards):
    (tmp_path / "listed").write_text(listed)
    (tmp_path / "nvidia-smi").write_text(f"#!/bin/sh\ncat {tmp_path}/listed\n")
    (tmp_path / "nvidia-smi").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert len(Local(ExecutorOptions())._cards) == cards


def test_estimates_know_how_many_jobs_fit(monkeypatch):
    monkeypatch.setattr("os.sched_getaffinity", lambda _: set(range(16)), raising=False)
    monkeypatch.setattr("os.sysconf", lambda name: 2**30 if name == "SC_PAGE_SIZE" else 64)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1,2")
    local = Local(ExecutorOptions())
    expected = {None: 3, 0: 16, 0.1: 16, 0.25: 12, 0.3: 9, 1: 3, 2: 1, 3: 1}
    assert {cards: local.slots([Needs(cards=cards)]) for cards in expected} == expected
    assert local.slots([Needs(cards=0), Needs(cards=0.25), Needs(cards=1)]) == 3
    assert local.slots([Needs(cores=5, cards=0.25)]) == 3
    assert local.slots([Needs(memory_gb=30, cards=0.25)]) == 2
    assert local.slots([Needs(memory_gb=100)]) == 1  # alone, everything runs
    assert Local(ExecutorOptions(slots=5)).slots([Needs()]) == 3
    assert Local(ExecutorOptions(slots=5)).slots([Needs(cores=8, cards=0.1)]) == 5
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert Local(ExecutorOptions()).slots([Needs()]) == 16


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


def test_slurm_gives_whole_cards(tmp_path, monkeypatch):
    commands = [tmp_path / name for name in ("sbatch", "squeue", "scancel")]
    for file in commands:
        file.write_text('#!/bin/sh\necho "$@" >>' + str(tmp_path / "calls"))
        file.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    executor = Slurm(ExecutorOptions())
    with pytest.raises(ConfigError, match=r"a job needs 0.25 of a card, and Slurm gives whole ones. Pass cards=1"):
        executor.check(Needs(cards=0.25))
    for cards in (2.0, None):
        executor.check(Needs(cards=cards))
        assert executor.take_slot(job(tmp_path, "true", cards=cards))
        executor.submit([job(tmp_path, "true", cards=cards)])
    with_cards, without = (tmp_path / "calls").read_text().splitlines()
    assert "--gres=gpu:2 " in f"{with_cards} "
    assert "gres" not in without


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
