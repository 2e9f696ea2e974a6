"""Loading processes that end or starve: real processes, real signals."""

import gc
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import torch
from conftest import REPOSITORY

from msl.data import Stream, loading_explained, processes
from msl.data.domain import Sample
from msl.errors import DataError, LoadingError, UnlabelledError


class UnpicklableError(Exception):
    """An exception that cannot be sent, and that cannot be rebuilt from its text."""

    def __init__(self, value, other):
        super().__init__(value)
        self.lock = threading.Lock()


class WordlessError(Exception):
    def __str__(self):
        raise RuntimeError("no words")


def crop(image, label, seed):
    return image, label


class Images:
    """Sixteen images; `fault` happens while any of them is loaded in a loading process."""

    def __init__(self, fault):
        self._fault, self._parent = fault, os.getpid()

    def __len__(self):
        return 16

    def __getitem__(self, index):
        if os.getpid() != self._parent:
            self._fault(index)
        return Sample(torch.zeros(3, 16, 16, dtype=torch.uint8), torch.zeros(16, 16, dtype=torch.uint8), str(index))


def raised(error):
    def fault(index):
        raise error

    return fault


def stream(fault, num_workers=2, images=Images):
    return Stream(images(fault), crop, 2, seed=0, salt="source", num_workers=num_workers)


def drained(batches):
    """Take batches for at most a minute: an error has to come, and no process may stay."""
    start = time.monotonic()
    with loading_explained():
        while time.monotonic() < start + 60:
            next(batches)
            time.sleep(0.01)


def loaders(batches):
    return list(batches._batches._processes)


@pytest.mark.parametrize(
    ("fault", "kind", "words"),
    [
        (raised(DataError("a.png: damaged")), DataError, ["^a.png: damaged$"]),
        (raised(UnlabelledError("no labels")), UnlabelledError, ["^no labels$"]),
        (raised(ValueError("odd")), LoadingError, ["source: a loading process failed: ValueError: odd", "test_proc"]),
        (raised(UnpicklableError(1, 2)), LoadingError, ["UnpicklableError: 1", "num_workers=0"]),
        (raised(WordlessError()), LoadingError, ["WordlessError"]),
        (raised(MemoryError()), LoadingError, ["memory is probably too small"]),
        (raised(SystemExit(3)), LoadingError, ["SystemExit: 3"]),
        (raised(KeyboardInterrupt()), LoadingError, ["KeyboardInterrupt"]),
        (raised(OSError(24, "Too many open files")), LoadingError, ["ulimit -n"]),
        (lambda index: os._exit(3), LoadingError, ["ended with exit code 3"]),
        (lambda index: os._exit(0), LoadingError, ["ended with exit code 0"]),
        (lambda index: os.kill(os.getpid(), signal.SIGKILL), LoadingError, ["signal: Killed", "if memory runs out"]),
        (lambda index: os.kill(os.getpid(), signal.SIGBUS), LoadingError, ["signal: Bus error", "--shm-size"]),
        (lambda index: os.kill(os.getpid(), signal.SIGSEGV), LoadingError, ["Segmentation fault", "num_workers=0"]),
    ],
)
def test_whatever_ends_a_loading_process_is_an_error_with_a_way_out(fault, kind, words):
    batches = stream(fault)
    with pytest.raises(kind) as caught:
        drained(batches)
    batches.close()
    assert type(caught.value) is kind
    for word in words:
        caught.match(word)


# torch is interrupted by the signal while it opens a temporary file, which it then never closes.
@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
def test_kill_9_while_the_network_computes_ends_the_training():
    batches = stream(lambda index: None)
    next(batches)
    os.kill(loaders(batches)[0].pid, signal.SIGKILL)
    with pytest.raises(LoadingError, match=r"the loading process \d+ was ended by a signal: Killed"):
        drained(batches)
    processes_left = loaders(batches) if batches._batches else []
    batches.close()
    assert not [process for process in processes_left if process.is_alive()]
    gc.collect()  # else that file may be closed in a test that ignores no warning


@pytest.fixture
def impatient(monkeypatch):
    """The same looks, in fewer seconds."""
    for name, seconds in (("_LOOK_S", 1), ("_STOPPED_S", 3), ("_IDLE_S", 6)):
        monkeypatch.setattr(processes, name, seconds)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells what a process does (/proc)")
def test_a_stopped_loading_process_ends_the_wait_and_is_ended_itself(impatient):
    batches = stream(lambda index: None)
    next(batches)
    stopped = loaders(batches)[0]
    os.kill(stopped.pid, signal.SIGSTOP)
    with pytest.raises(LoadingError, match="has been stopped for 3 s"):
        drained(batches)
    assert not stopped.is_alive()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells what a process does (/proc)")
def test_a_loading_process_that_waits_for_ever_ends_the_wait(impatient):
    batches = stream(lambda index: threading.Event().wait())
    with pytest.raises(LoadingError, match="neither computed nor read a byte for 6 s"):
        drained(batches)


def slow(index):
    """Reads, but slowly: two images take longer than the wait for a process that does nothing."""
    for _ in range(4):
        time.sleep(1)
        Path(__file__).read_bytes()


def test_a_slow_disk_is_waited_for(impatient):
    batches = stream(slow, num_workers=1)
    assert next(batches).image.shape == (2, 3, 16, 16)
    batches.close()


def test_without_loading_processes_an_error_has_its_own_class():
    class Here(Images):
        def __getitem__(self, index):
            raise ValueError("odd")

    with pytest.raises(ValueError, match="^odd$"):
        next(stream(None, num_workers=0, images=Here))


_SMALL = """
import logging, sys, torch
from msl.data import Stream
from msl.data.domain import Sample

logging.basicConfig(level=logging.WARNING, format="%(message)s")
size, filled = int(sys.argv[1]), int(sys.argv[2])

class Images:
    def __len__(self): return 8
    def __getitem__(self, index):
        return Sample(torch.ones(3, size, size, dtype=torch.uint8), torch.ones(size, size, dtype=torch.uint8), "x")

class Crop:
    def __call__(self, image, label, seed): return image, label

streams = [Stream(Images(), Crop(), 4, 0, role, num_workers=2) for role in ("source", "target")]
for step in range(60 if filled else 6):  # more than are loaded ahead
    for stream in streams:
        assert next(stream).image.sum() == 4 * 3 * size * size
    if step == 1 and filled:
        print("filling", flush=True)
        try:
            with open("/dev/shm/other", "wb") as other:
                while other.write(b"0" * 100_000): other.flush()
        except OSError:
            pass
for stream in streams:
    stream.close()
print("trained")
"""


def in_64_mb(*arguments):
    """Run the program above with 64 MB of shared memory."""
    mount = "mount -t tmpfs -o size=64m tmpfs /dev/shm"
    if shutil.which("unshare") is None or subprocess.run(["unshare", "-m", "sh", "-c", mount]).returncode:
        pytest.skip("a mount namespace of its own is not permitted here")
    command = f'{mount} && exec "$0" "$@"'
    return subprocess.run(
        ["unshare", "-m", "sh", "-c", command, sys.executable, "-c", _SMALL, *map(str, arguments)],
        env=os.environ | {"PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
        timeout=100,
    )


@pytest.mark.parametrize(
    ("size", "crew"),
    [
        (64, None),  # 0.07 MB a batch: no reason for a word
        (512, "2 loading processes with 1 ahead"),  # 3 x 4.2 MB are a fifth of 67 MB
        (576, "1 loading process with 1 ahead"),  # 2 x 5.3 MB
        (2048, "No loading process"),  # 67 MB a batch
    ],
)
def test_64_mb_of_shared_memory_are_trained_with(size, crew):
    done = in_64_mb(size, 0)
    assert done.stdout.splitlines() == ["trained"], done.stderr
    if crew is None:
        assert done.stderr == ""
    else:
        told = [line for line in done.stderr.splitlines() if line.startswith("source: ")]
        assert len(told) == 1
        assert crew in told[0]
        assert "/dev/shm has 67 MB free" in told[0]
        assert "--shm-size" in told[0]


def test_shared_memory_that_another_program_fills_ends_the_training_with_its_size():
    done = in_64_mb(448, 1)
    assert done.returncode == 1
    assert "LoadingError: " in done.stderr
    assert re.search(r"Shared memory is short \(/dev/shm has \d MB free\)", done.stderr)
