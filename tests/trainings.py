"""Trainings in processes of their own."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

import pytest
from conftest import REPOSITORY

from msl.tracking.journal import Reader

T = TypeVar("T")
Process = subprocess.Popen[str]


@contextmanager
def start(stage: str, **options: Any) -> Iterator[Process]:
    """A stage in a process of its own, which has ended when the block has."""
    with started([sys.executable, "-m", f"entrypoints.{stage}", *(f"--{a}" for a in arguments(options))]) as process:
        yield process


@contextmanager
def started(command: list[str], **settings: Any) -> Iterator[Process]:
    """A command that leads a group of processes, which has ended when the block has; `settings` are those of Popen."""
    env = {"PYTHONPATH": str(REPOSITORY), "OMP_NUM_THREADS": "1", "MSL_SENDER": "process"}
    # A shell in the background lets Ctrl-C be ignored, and nohup the other; what they start inherits it.
    heard = {signal.SIGINT: signal.default_int_handler, signal.SIGHUP: signal.SIG_DFL}
    previous = {number: signal.signal(number, handler) for number, handler in heard.items()}
    try:
        process = subprocess.Popen(
            command,
            env={**os.environ, **env},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            process_group=0,
            **settings,
        )
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
    with process:
        try:
            yield process
        except BaseException:
            process.kill()
            raise
        process.wait(timeout=120)


def arguments(options: Mapping[str, Any]) -> list[str]:
    """Options as they are typed: ``name=value``."""
    return [f"{name}={','.join(map(str, v)) if isinstance(v, tuple) else v}" for name, v in options.items()]


def wait_for(condition: Callable[[], T | None], process: Process, seconds: float = 240) -> T:
    """The first value of a condition that is true, while a process runs."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if value := condition():
            return value
        if process.poll() is not None:
            pytest.fail(f"ended early:\n{process.stdout.read() if process.stdout else ''}")
        time.sleep(0.05)
    return pytest.fail("waited too long")


def journal_texts(folder: Path) -> list[str]:
    """What the journals in a work folder say; a run that ends meanwhile takes its journal along."""
    texts = []
    for run in folder.glob("*"):
        with suppress(FileNotFoundError):
            texts += [file.read_text() for file in run.glob("journal/*.journal")]
    return texts


def running_past(step: int) -> Callable[[], str | None]:
    """ID of a run in progress, once its journal has that step."""

    def look() -> str | None:
        for folder in Path(".msl").glob("*/journal"):
            with suppress(FileNotFoundError):  # a run that ends meanwhile takes its journal along
                contents = [record.content for record in Reader(folder).new()]
                if any(content["kind"] == "rows" and content["step"] >= step for content in contents):
                    return folder.parent.name
        return None

    return look
