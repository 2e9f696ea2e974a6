"""Locks end with their process; file systems of a network are told from disks by the table of mounts."""

import errno
import fcntl
import os
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from conftest import REPOSITORY

from msl.errors import TrackingError
from msl.tracking.locks import lock, network_file_system
from msl.tracking.run_folder import opened, run_folder, work_folder

ENV = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
MOUNTS = """\
/dev/sda1 / ext4 rw,relatime 0 0
server:/home /home nfs4 rw,vers=4.2 0 0
tmpfs /home/ada/scratch tmpfs rw 0 0
//nas/share /mnt/my\\040files cifs rw 0 0
"""


@pytest.mark.parametrize(
    ("folder", "kind"),
    [
        ("/var/work/.msl", None),
        ("/home/ada/.msl", "nfs4"),
        ("/home", "nfs4"),
        ("/homes/ada", None),
        ("/home/ada/scratch/.msl", None),
        ("/mnt/my files/.msl", "cifs"),
    ],
)
def test_the_kind_of_file_system(folder, kind, tmp_path):
    mounts = tmp_path / "mounts"
    mounts.write_text(MOUNTS)
    assert network_file_system(Path(folder), mounts) == kind


def test_without_a_table_every_folder_is_local(tmp_path):
    assert network_file_system(tmp_path, tmp_path / "missing") is None


def test_one_process_has_a_lock_or_several_share_it(tmp_path):
    with (tmp_path / "lock").open("w") as one, (tmp_path / "lock").open("w") as two:
        assert lock(one, is_shared=True)
        assert lock(two, is_shared=True)
        assert not lock(one)
    with (tmp_path / "lock").open("w") as one:
        assert lock(one)


def test_a_fork_does_not_keep_the_lock_of_a_process_that_is_killed(tmp_path):
    code = """
import multiprocessing, os, signal, sys, time
from msl.tracking.locks import lock
file = open(sys.argv[1], "w")
assert lock(file)
worker = multiprocessing.get_context("fork").Process(target=time.sleep, args=(60,))
worker.start()
print(worker.pid, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""
    command = [sys.executable, "-c", code, str(tmp_path / "lock")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=ENV) as process:
        worker = int(process.stdout.readline())
        process.wait(60)
        with (tmp_path / "lock").open("w") as file:
            assert lock(file)
        os.kill(worker, signal.SIGKILL)


def test_a_file_system_without_locks_gives_them_and_says_so(tmp_path, monkeypatch, caplog):
    def refuse(file, kind):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)  # no file system without locks can be mounted in a test
    with run_folder("0" * 32) as folder:
        assert folder.is_dir()
    assert "this file system has no locks (No locks available), so start a run only once" in caplog.text
    monkeypatch.setattr(fcntl, "flock", lambda file, kind: (_ for _ in ()).throw(BlockingIOError))
    with pytest.raises(TrackingError, match="another process on this machine"), run_folder("0" * 32):
        pass


def test_a_folder_removed_while_it_is_made_is_made_again():
    folder, is_over = work_folder() / ("0" * 32), threading.Event()

    def remove():
        while not is_over.is_set():
            shutil.rmtree(folder, ignore_errors=True)

    threads = [threading.Thread(target=remove) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(500):
            opened(folder).close()
    finally:
        is_over.set()
        for thread in threads:
            thread.join()


def test_a_work_folder_that_is_a_link_to_nothing_is_told(monkeypatch, tmp_path):
    monkeypatch.setenv("MSL_WORK", str(tmp_path / "scratch"))
    (tmp_path / "scratch").symlink_to(tmp_path / "unmounted")
    with pytest.raises(TrackingError, match="cannot be written: File exists. Set MSL_WORK"), run_folder("0" * 32):
        pass


def test_a_work_folder_on_a_network_is_told(monkeypatch, caplog):
    monkeypatch.setattr(sys.modules[run_folder.__module__], "network_file_system", lambda folder: "nfs4")
    with run_folder("0" * 32):
        pass
    assert "is on a network file system (nfs4)" in caplog.text
    assert "set MSL_WORK to a folder on a disk of this machine" in caplog.text
