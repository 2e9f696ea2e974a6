"""Processes that have imported everything already: a server forks them. The imports alone take seconds."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from forked import end_after

from msl.config.catalog import EXECUTORS
from msl.studies.executors.local import Local

SOCKET = "WARM_SOCKET"  # environment variable: path of the server's socket
_PATIENCE_S = 120.0


@dataclass
class Started:
    """A process that the server has forked and that it reaps."""

    pid: int

    def poll(self) -> int | None:
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return 0
        return None

    def wait(self, patience_s: float = _PATIENCE_S) -> None:
        until = time.monotonic() + patience_s
        while self.poll() is None:
            assert time.monotonic() < until, f"process {self.pid} does not end"
            time.sleep(0.02)


class Warm(Local):
    """Local jobs as forks of the server."""

    poll_s = 0.05

    def _launch(self, job: Any, environment: Mapping[str, str]) -> Started:
        return start("job", job.command[3:], environment, job.folder, job.log)


@contextmanager
def registered() -> Iterator[None]:
    """Within this block, `executor=warm` is known in this process, and only there: pages list what is known."""
    EXECUTORS._entries["warm"] = "warm:Warm"
    try:
        yield
    finally:
        del EXECUTORS._entries["warm"]


def start(target: str, arguments: Sequence[str], env: Mapping[str, str], folder: Path, log: Path) -> Started:
    """Fork a process that runs a target: ``job``, or the name of a command."""
    request = {
        "target": target,
        "arguments": list(arguments),
        "env": dict(env),
        "folder": str(folder),
        "log": str(log.absolute()),
    }
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(os.environ[SOCKET])
        connection.sendall(json.dumps(request).encode())
        connection.shutdown(socket.SHUT_WR)
        return Started(int(connection.recv(100)))


@contextmanager
def warm_server(folder: Path) -> Iterator[None]:
    """A server until the block ends."""
    path = folder / "warm.socket"
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[1]), str(Path(__file__).parent)])}
    process = subprocess.Popen([sys.executable, __file__, str(path)], env=env)
    previous = os.environ.get(SOCKET)
    os.environ[SOCKET] = str(path)
    try:
        until = time.monotonic() + _PATIENCE_S
        while not path.exists():
            assert process.poll() is None
            assert time.monotonic() < until
            time.sleep(0.05)
        yield
    finally:
        process.terminate()
        process.wait()
        os.environ.pop(SOCKET)
        if previous is not None:
            os.environ[SOCKET] = previous


def _serve(path: str) -> None:
    import mlflow.store.tracking.sqlalchemy_store  # noqa: F401  # a forked job has it

    import msl.commands.study
    import msl.commands.training
    import msl.runs
    import msl.studies.conduct
    import msl.studies.job
    import msl.studies.sweep  # noqa: F401  # a forked job has them all
    from msl.config.catalog import STAGES

    for name in STAGES:
        STAGES.load(name)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody else reaps the processes
    with registered(), socket.socket(socket.AF_UNIX) as server:
        server.bind(path + ".new")
        server.listen(64)
        Path(path + ".new").rename(path)
        while True:
            connection, _ = server.accept()
            with connection:
                _answer(connection, server)


def _answer(connection: socket.socket, server: socket.socket) -> None:
    content = b""
    while part := connection.recv(65536):
        content += part
    pid = os.fork()
    if pid == 0:
        server.close()
        connection.close()
        _become(json.loads(content))
    with suppress(BrokenPipeError):
        connection.sendall(str(pid).encode())


def _become(request: Mapping[str, Any]) -> None:
    """Go on as the process of the target."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)

    def work() -> None:
        os.environ.clear()
        os.environ |= request["env"]
        os.chdir(request["folder"])
        _run(request["target"], request["arguments"])

    end_after(work, request["log"])


def _run(target: str, arguments: Sequence[str]) -> None:
    from msl.commands import find_command
    from msl.studies import job

    if target == "job":
        sys.argv = ["job", *arguments]
        job.main()
    else:
        find_command(target).main(list(arguments), f"msl {target}")


if __name__ == "__main__":
    _serve(sys.argv[1])
