"""What the service's gate itself adds to a request: ``python tests/benchmarks/service_gate.py``.

A batch of 20 metrics goes through the gate to an application that reads the body and nothing else. Only the password is
not checked: the service remembers those that were right.
"""

import asyncio
import base64
import json
import os
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from msl.service import gate
from msl.service.counts import Counts
from msl.service.logins import Logins
from msl.service.observed import ACCESS_LOG, Observed
from msl.service.presence import DatabaseFiles
from msl.service.readiness import Readiness

TURNS, REQUESTS = 5, 1000
_ROWS = [{"key": f"m{i}", "value": i / 7, "timestamp": 1000, "step": 3} for i in range(20)]
_BODY = json.dumps({"run_id": "a" * 32, "metrics": _ROWS}).encode()
_HEADERS = {
    "host": b"localhost:5000",
    "authorization": b"Basic " + base64.b64encode(b"anna:a long password"),
    "content-length": str(len(_BODY)).encode(),
    "content-type": b"application/json",
}


@dataclass
class Reader:
    """An account."""

    username: str
    is_admin: bool = False


async def reads_the_body(scope: Scope, receive: Receive, send: Send) -> None:
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]})
    await send({"type": "http.response.body", "body": b"{}"})


def gated(folder: Path) -> ASGIApp:
    os.environ |= {gate.UPLOAD_LIMIT: "1000000", gate.CREATION: "everyone", ACCESS_LOG: ""}
    counts = Counts(folder)
    logins = Logins(lambda name, password: Reader(name), lambda name: True, lambda password: False, 5, 20)
    parts = logins, DatabaseFiles([], lambda: None), Readiness([], []), counts
    return Observed(gate.Gate(reads_the_body, *parts), counts)


async def seconds(app: ASGIApp) -> float:
    """Processor seconds of a request, the fastest turn."""
    statuses: list[int] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": _BODY, "more_body": False}

    async def send(message: Message) -> None:
        if "status" in message:
            statuses.append(message["status"])

    turns = []
    for _ in range(TURNS):
        start = time.process_time()
        for _ in range(REQUESTS):
            await app(_scope(), receive, send)
        turns.append((time.process_time() - start) / REQUESTS)
    assert set(statuses) == {200}
    return min(turns)


def _scope() -> Scope:
    path = "/api/2.0/mlflow/runs/log-batch"
    about = {"type": "http", "method": "POST", "path": path, "raw_path": path.encode(), "query_string": b""}
    headers = [(name.encode(), value) for name, value in _HEADERS.items()]
    return about | {"headers": headers, "client": ("127.0.0.1", 1), "scheme": "http", "http_version": "1.1"}


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        bare, ours = (asyncio.run(seconds(app)) for app in (reads_the_body, gated(Path(folder))))
    print(f"the gate adds {1000 * (ours - bare):.2f} ms of a processor to a batch of {len(_ROWS)} metrics")


if __name__ == "__main__":
    main()
