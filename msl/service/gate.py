"""The checks of a request before MLflow sees it: its account, its origin, the part that it is for, and its size.

MLflow reads the body of a request into memory before it checks the account. It leaves a few routes open, sets no limit
to uploads, lets pages of any port on localhost write, and lets every account make experiments with artifacts at any
path of the server. Its own rules are applied after these checks.
"""

import os
import re
from base64 import b64decode
from collections.abc import Callable
from typing import Protocol
from urllib.parse import urlsplit

from mlflow.exceptions import MlflowException
from sqlalchemy.exc import SQLAlchemyError
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

UPLOAD_LIMIT = "MSL_SERVICE_UPLOAD_LIMIT"  # bytes of an artifact
CREATION = "MSL_SERVICE_CREATION"  # who may make experiments and models: everyone, or admin

_BODY_LIMIT = 16 * 2**20  # bytes of any other request; MLflow's largest batch has 1 MB
_OPEN_PATH = "/health"
_UPLOADS = ("/api/2.0/mlflow-artifacts/artifacts/", "/ajax-api/2.0/mlflow-artifacts/artifacts/")
# Parts for language models: they call other services, run programs here, or unpack files that they are sent.
_CLOSED = re.compile(r"/(gateway|v1|(ajax-)?api/\d\.0/(jobs|mlflow/(gateway|assistant|mcp-servers|demo)))\b")
_ENDPOINTS = (
    "/ajax-api/2.0/mlflow/gateway-proxy"  # the page of runs asks for it each time, and would show a refusal to people
)
_CREATION_PATHS = ("/mlflow/experiments/create", "/mlflow/registered-models/create")
_RETRY_AFTER_S = 5


class Account(Protocol):
    """What the gate needs to know of an account."""

    is_admin: bool


Authenticate = Callable[[str, str], Account | None]  # name and password


class Gate:
    """ASGI middleware in front of MLflow's application."""

    def __init__(self, app: ASGIApp, authenticate: Authenticate) -> None:
        """Wrap MLflow's application; `authenticate` gives the account of a name and a password."""
        self._app = app
        self._authenticate = authenticate
        self._upload_limit = int(os.environ[UPLOAD_LIMIT])
        self._all_create = os.environ[CREATION] == "everyone"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse the request, or give it to MLflow."""
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        elif scope["type"] != "http" or scope["path"] == _OPEN_PATH:
            await self._app(scope, receive, send)
        else:
            request = Request(scope)
            limit = self._upload_limit if scope["path"].startswith(_UPLOADS) else _BODY_LIMIT
            refusal = await self._refusal(request) or _oversized(request, limit)
            if refusal is not None:
                await refusal(scope, receive, send)
            else:
                await _with_limit(self._app, limit, scope, receive, send)

    async def _refusal(self, request: Request) -> Response | None:
        path = request.scope["path"]
        origin = request.headers.get("origin")
        if origin is not None and urlsplit(origin).netloc != request.headers.get("host"):
            return PlainTextResponse(f"requests from pages of {origin} are refused", 403)
        try:
            account = await run_in_threadpool(self._account, request)
        except (MlflowException, SQLAlchemyError) as error:
            if not _is_unavailable(error):
                raise
            reason = "the tracking service cannot reach its database; it works again as soon as the database does"
            return PlainTextResponse(reason, 503, {"Retry-After": str(_RETRY_AFTER_S)})
        if account is None:
            reason = "log in: set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD to your name and password"
            return PlainTextResponse(reason, 401, {"WWW-Authenticate": 'Basic realm="mlflow"'})
        if request.method == "GET" and path == _ENDPOINTS:
            return JSONResponse({"endpoints": []})
        if _CLOSED.match(path):
            return PlainTextResponse("this service has no such part", 404)
        if path.endswith(_CREATION_PATHS) and not (self._all_create or account.is_admin):
            return PlainTextResponse("only the account admin may make experiments and models here: ask its owner", 403)
        return None

    def _account(self, request: Request) -> Account | None:
        scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "basic":
            return None
        try:
            name, colon, password = b64decode(encoded.strip(), validate=True).decode().partition(":")
        except ValueError:
            return None
        return self._authenticate(name, password) if colon and "\0" not in name else None


def create_app() -> Gate:
    """The application that uvicorn's processes serve; `server.environment` says how."""
    from mlflow.server import app, auth

    application = auth.create_app()
    app.before_request(_refuse_locations)
    return Gate(application, auth._authenticate_cached)


def _refuse_locations() -> tuple[str, int] | None:
    """Keep artifacts in the service: if an experiment were at /etc, its readers could read the server's files."""
    from flask import request
    from mlflow.protos.service_pb2 import CreateExperiment
    from mlflow.server.handlers import _get_request_message

    if not request.path.endswith("/mlflow/experiments/create"):
        return None
    if not _get_request_message(CreateExperiment()).artifact_location:
        return None
    return "artifact_location: the service decides where artifacts are stored; leave it out", 400


def _is_unavailable(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, SQLAlchemyError):
            return True
        error = error.__cause__
    return False


def _oversized(request: Request, limit: int) -> Response | None:
    length = request.headers.get("content-length", "0")
    return _too_large(limit) if length.isdigit() and int(length) > limit else None


def _too_large(limit: int) -> Response:
    return PlainTextResponse(
        f"the request is too large: at most {limit / 2**20:g} MiB are accepted", 413, {"Connection": "close"}
    )


class _ExceededError(Exception):
    """The body is larger than its limit."""


async def _with_limit(app: ASGIApp, limit: int, scope: Scope, receive: Receive, send: Send) -> None:
    """Call the application; a body that proves too large is cut off, and the answer is a refusal."""
    received_bytes, exceeded, answered = 0, False, False

    async def receive_within_limit() -> Message:
        nonlocal received_bytes, exceeded
        message = await receive()
        received_bytes += len(message.get("body", b""))
        if received_bytes > limit:
            exceeded = True
            raise _ExceededError
        return message

    async def send_within_limit(message: Message) -> None:
        nonlocal answered
        if not exceeded:
            answered = True
            await send(message)

    try:
        await app(scope, receive_within_limit, send_within_limit)
    except Exception:  # frameworks wrap _ExceededError, also in exception groups
        if not exceeded:
            raise
    if exceeded and not answered:
        await _too_large(limit)(scope, receive, send)
