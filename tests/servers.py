"""Real servers in their own processes."""

import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from ports import held_port

_PATIENCE = 300  # seconds; on a busy machine MLflow takes up to a minute to start


@contextmanager
def mlflow_command(arguments: Sequence[str], health: str, folder: Path) -> Iterator[str]:
    """The address of ``mlflow ARGUMENTS --port …``, as soon as it answers at the path `health`."""
    env = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}  # it starts uvicorn
    with held_port() as port, (folder / f"server {port}.log").open("w") as log:
        address, output = f"http://127.0.0.1:{port}", Path(log.name)
        command = [sys.executable, "-m", "mlflow", *arguments, "--host", "127.0.0.1", "--port", str(port)]
        server = subprocess.Popen(command, cwd=folder, env=env, stdout=log, stderr=log, start_new_session=True)
        try:
            _wait_for(address + health, server, output)
            yield address
        finally:
            if server.poll() is None:
                os.killpg(server.pid, signal.SIGTERM)
            server.wait(120)


def _wait_for(url: str, server: subprocess.Popen[bytes], output: Path) -> None:
    start = time.monotonic()
    while time.monotonic() < start + _PATIENCE:
        assert server.poll() is None, output.read_text()
        try:
            with urllib.request.urlopen(url, timeout=10):
                return
        except OSError:
            time.sleep(0.3)
    raise AssertionError(f"no server after {_PATIENCE} s: {output.read_text()}")
