"""Errors of MLflow as its clients can read them: JSON with one sentence, never a page in HTML or a statement in SQL."""

import errno
import json
import logging
import re
from http import HTTPStatus
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Message, Receive, Scope, Send

_LOG = logging.getLogger("msl.service")
_MESSAGE_LENGTH = 1000  # characters
_STATEMENT = re.compile(r"\[SQL:|\bSELECT\b.*\bFROM\b|Traceback \(most recent", re.DOTALL)
_OUT_OF_ORDER = re.compile(r"malformed|not a database|disk I/O error|disk is full|database is locked|readonly database")
_BUFFERED = 400  # the least status whose body is read before it is sent
_FAILURE = 500  # the exception itself comes after this answer, and tells more
_TOO_LARGE = "too large to convert"  # how Python refuses a number to SQLite
_BAD_NAMES = (errno.ENAMETOOLONG, errno.ENOTDIR, errno.EISDIR, errno.EEXIST)
_FULL = (errno.ENOSPC, errno.EDQUOT)
_RETRY = {"Retry-After": "5"}
_NO_DATABASE = "the tracking service cannot reach its database; it works again as soon as the database does"
_CODES = {
    400: "BAD_REQUEST",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "ENDPOINT_NOT_FOUND",
    405: "BAD_REQUEST",
    413: "BAD_REQUEST",
    503: "TEMPORARILY_UNAVAILABLE",
}


def error(status: int, message: str, headers: dict[str, str] | None = None) -> Response:
    """An error in the layout that MLflow's clients read."""
    content = {"error_code": _CODES.get(status, "INTERNAL_ERROR"), "message": message}
    return JSONResponse(content, status, headers)


class ErrorsInJson:
    """Sends what MLflow answers, and an error of it as JSON with one sentence."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Wrap `send` of one request."""
        self._scope, self._receive, self._send = scope, receive, send
        self._start: Message | None = None
        self._body = bytearray()
        self.is_answered = False

    async def send(self, message: Message) -> None:
        """What MLflow's application calls."""
        if message["type"] == "http.response.start" and self._must_read(message["status"]):
            self._start = message
        elif self._start is None:
            self.is_answered = True
            await self._send(message)
        else:
            self._body += message.get("body", b"")
            if not message.get("more_body", False) and self._start["status"] != _FAILURE:
                await self.end()

    async def end(self) -> None:
        """The application has returned: send what waits, which is nothing if it was sent already."""
        if self._start is not None and not self.is_answered:
            await self._finish(self._start)

    async def fail(self, failure: Exception) -> None:
        """Answer that the server failed, and log why in one line."""
        reason = _first(failure)
        line = " ".join(str(reason).split())[:_MESSAGE_LENGTH]
        _LOG.error("%s %s: %s: %s", self._scope["method"], self._scope["path"], type(reason).__name__, line)
        if not self.is_answered:
            self.is_answered = True
            await _answer_to(reason)(self._scope, self._receive, self._send)

    def _must_read(self, status: int) -> bool:
        return status >= _BUFFERED or self._scope["path"] == "/graphql"  # which answers errors with 200

    async def _finish(self, start: Message) -> None:
        self.is_answered = True
        body = bytes(self._body)
        response = replaced(start["status"], Request({**self._scope, "headers": start["headers"]}), body)
        if response is None:
            await self._send(start)
            await self._send({"type": "http.response.body", "body": body})
        else:
            await response(self._scope, self._receive, self._send)


def replaced(status: int, answer: Request, body: bytes) -> Response | None:
    """The answer in place of this one, or None if people and clients can read it as it is."""
    kind = answer.headers.get("content-type", "").partition(";")[0]
    text = body.decode(errors="replace")
    if kind == "application/json":
        return unavailable() if status == HTTPStatus.SERVICE_UNAVAILABLE else _replaced_json(status, text)
    if kind == "text/html" and status >= _BUFFERED and "<" not in text:
        return error(status, text)
    if kind == "text/html" and status >= _BUFFERED:
        return error(status, _phrase(status)) if status < 500 else _failed(status)
    return _failed(status) if status >= 500 else None


def _replaced_json(status: int, text: str) -> Response | None:
    if _TOO_LARGE in text:
        return error(400, "a number in the request is beyond 64 bits")
    if _OUT_OF_ORDER.search(text) and _STATEMENT.search(text):
        return unavailable()
    message = _message(text)
    if _STATEMENT.search(text):
        return _failed(status) if status >= 500 else error(400, "the database refused a value of the request")
    if len(message) > _MESSAGE_LENGTH:
        return error(status, f"{message[:_MESSAGE_LENGTH]}…")
    return None


def _message(text: str) -> str:
    try:
        content: Any = json.loads(text)
    except ValueError:
        return ""
    return str(content.get("message", "")) if isinstance(content, dict) else ""


def _first(failure: BaseException) -> BaseException:
    return _first(failure.exceptions[0]) if isinstance(failure, BaseExceptionGroup) else failure


def _answer_to(reason: BaseException) -> Response:
    if isinstance(reason, OSError) and reason.errno in _BAD_NAMES:
        return error(400, "a file of this name cannot be stored: it is too long, or a part of it is a file or a folder")
    if isinstance(reason, OSError) and reason.errno in _FULL:
        return unavailable("the disk of the tracking service is full; it works again when there is space")
    return _failed(500)


def _failed(status: int) -> Response:
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        return unavailable()
    return error(status, "the server could not carry out this request; its log says why")


def unavailable(reason: str | None = None) -> Response:
    """The answer while the database cannot be used, or while something else is missing."""
    return error(503, reason or _NO_DATABASE, _RETRY)


def _phrase(status: int) -> str:
    return f"{HTTPStatus(status).phrase.lower()}: check the address and the arguments of the request"
