"""Threads that nobody has asked for."""

import os
import subprocess
import sys

from msl.config import DeviceConfig
from msl.models.threads import _quota, free_threads, running, share, usable_cores


def test_the_share_of_one_run():
    assert [share(16, 1), share(16, 3), share(2, 5)] == [16, 5, 1]


def test_a_quota_of_the_control_group_limits_the_cores(tmp_path):
    assert _quota(tmp_path) is None
    (tmp_path / "cpu.max").write_text("150000 100000\n")
    assert _quota(tmp_path) == 1.5
    assert usable_cores(tmp_path) == 1
    (tmp_path / "cpu.max").write_text("max 100000\n")
    assert usable_cores(tmp_path) == len(os.sched_getaffinity(0))
    (tmp_path / "cpu.max").unlink()
    (tmp_path / "cpu").mkdir()
    (tmp_path / "cpu" / "cpu.cfs_quota_us").write_text("400000\n")
    (tmp_path / "cpu" / "cpu.cfs_period_us").write_text("100000\n")
    assert _quota(tmp_path) == 4


def test_runs_see_each_other_and_forget_those_that_ended(tmp_path):
    code = "import fcntl, sys; f = open(sys.argv[1], 'w'); fcntl.flock(f, 2); print('held', flush=True); input()"
    command = [sys.executable, "-c", code, str(tmp_path / "1")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout.readline() == "held\n"
        (tmp_path / "2").write_text("")
        assert running(tmp_path) == 1
        assert [entry.name for entry in tmp_path.iterdir()] == ["1"]
        other.communicate("\n")
    assert running(tmp_path) == 1  # this one
    assert not list(tmp_path.iterdir())


def test_one_thread_is_left_alone():
    assert free_threads() == 1  # tests have one
    assert DeviceConfig().threads is None
