"""Each request as it looks from outside: counted, and a line of JSON in the access log."""

import json
import logging
import os
from datetime import UTC, datetime
from logging.handlers import WatchedFileHandler
from time import monotonic

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from msl.service.counts import Counts

ACCESS_LOG = "MSL_SERVICE_ACCESS_LOG"  # a file; empty = none
ACCOUNT = "msl.account"  # the key of a request's scope for the name of who is logged in
_PATH_LENGTH = 500
_NO_ANSWER = 499  # the status of a client that has gone, as nginx writes it


class Observed:
    """ASGI middleware around all others."""

    def __init__(self, app: ASGIApp, counts: Counts) -> None:
        """Wrap an application; `environment` of the server says where the log is."""
        self._app, self._counts = app, counts
        self._log = _open(os.environ[ACCESS_LOG])

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the application answer, and write down how."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = _Request(scope, receive, send)
        self._counts.begin()
        try:
            await self._app(scope, request.receive, request.send)
        finally:
            seconds = monotonic() - request.started_s
            self._counts.end(scope["method"], request.status, seconds, (request.received, request.sent))
            if self._log is not None:
                self._log.info(json.dumps(request.line(seconds)))


class _Request:
    """A request and what was received and sent for it."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._scope, self._receive, self._send = scope, receive, send
        self._path = scope["path"][:_PATH_LENGTH]  # as it was asked, before the gate makes it plain
        self.started_s, self.status = monotonic(), _NO_ANSWER
        self.received = self.sent = 0  # bytes of bodies

    async def receive(self) -> Message:
        message = await self._receive()
        self.received += len(message.get("body", b""))
        return message

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
        self.sent += len(message.get("body", b""))
        await self._send(message)

    def line(self, seconds: float) -> dict[str, object]:
        """What the access log says; never a query or a password."""
        client = self._scope.get("client")
        return {
            "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "address": client[0] if client else "",
            "account": self._scope.get(ACCOUNT, ""),
            "method": self._scope["method"][:20],
            "path": self._path,
            "status": self.status,
            "seconds": round(seconds, 4),
            "request_bytes": self.received,
            "response_bytes": self.sent,
        }


def _open(file: str) -> logging.Logger | None:
    if not file:
        return None
    log = logging.getLogger("msl.service.access")
    log.propagate = False
    log.setLevel(logging.INFO)
    log.addHandler(WatchedFileHandler(file))  # opens the file again when logrotate has moved it
    return log
