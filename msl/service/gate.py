"""What a request must be before MLflow sees it: from an account, of this origin, for a part that is served, of a size.

MLflow reads a request's body into memory before it asks who sends it, leaves a few routes open, bounds no upload, lets
pages of any port on localhost write, and lets every account make experiments, with artifacts at any path of the
server. Its own rules come after these.
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
CREATION = "MSL_SERVICE_CREATION"  # everyone, or admin: who makes experiments and models

_BODY_LIMIT = 16 * 2**20  # bytes of everything else; MLflow's largest batch has 1 MB
_OPEN = "/health"
_UPLOADS = ("/api/2.0/mlflow-artifacts/artifacts/", "/ajax-api/2.0/mlflow-artifacts/artifacts/")
# For work with language models: they call other services, run programs here, or unpack what they are sent.
_CLOSED = re.compile(r"/(gateway|v1|(ajax-)?api/\d\.0/(jobs|mlflow/(gateway|assistant|mcp-servers|demo)))\b")
_ENDPOINTS = "/ajax-api/2.0/mlflow/gateway-proxy"  # asked whenever runs are listed; people would be shown a refusal
_CREATING = ("/mlflow/experiments/create", "/mlflow/registered-models/create")
_RETRY_S = 5


class Account(Protocol):
    """What the gate asks of MLflow's accounts."""

    is_admin: bool


Authenticate = Callable[[str, str], Account | None]  # name and password


class Gate:
    """ASGI middleware in front of MLflow's application."""

    def __init__(self, app: ASGIApp, authenticate: Authenticate) -> None:
        """Take MLflow's application, and what tells whose name and password these are."""
        self._app = app
        self._authenticate = authenticate
        self._upload_limit = int(os.environ[UPLOAD_LIMIT])
        self._all_create = os.environ[CREATION] == "everyone"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer in MLflow's place, or hand on."""
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        elif scope["type"] != "http" or scope["path"] == _OPEN:
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
            reason = "the tracking service cannot reach its database; it goes on by itself when that is back"
            return PlainTextResponse(reason, 503, {"Retry-After": str(_RETRY_S)})
        if account is None:
            reason = "a name and password are needed: MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD"
            return PlainTextResponse(reason, 401, {"WWW-Authenticate": 'Basic realm="mlflow"'})
        if request.method == "GET" and path == _ENDPOINTS:
            return JSONResponse({"endpoints": []})
        if _CLOSED.match(path):
            return PlainTextResponse("this service has no such part", 404)
        if path.endswith(_CREATING) and not (self._all_create or account.is_admin):
            return PlainTextResponse("experiments and models are made by the account admin here", 403)
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
    """Keep artifacts in the service: of an experiment located at /etc, anyone who may look reads the server's files."""
    from flask import request
    from mlflow.protos.service_pb2 import CreateExperiment
    from mlflow.server.handlers import _get_request_message

    if not request.path.endswith("/mlflow/experiments/create"):
        return None
    if not _get_request_message(CreateExperiment()).artifact_location:
        return None
    return "artifact_location: the service decides where artifacts lie; leave it out", 400


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
    return PlainTextResponse(f"at most {limit / 2**20:g} MiB are taken", 413, {"Connection": "close"})


class _ExceededError(Exception):
    """A body goes on beyond its limit."""


async def _with_limit(app: ASGIApp, limit: int, scope: Scope, receive: Receive, send: Send) -> None:
    """Call the application; a body of unsaid length that turns out too large is cut off, whatever it answers then."""
    taken, exceeded, answered = 0, False, False

    async def counted() -> Message:
        nonlocal taken, exceeded
        message = await receive()
        taken += len(message.get("body", b""))
        if taken > limit:
            exceeded = True
            raise _ExceededError
        return message

    async def unless_exceeded(message: Message) -> None:
        nonlocal answered
        if not exceeded:
            answered = True
            await send(message)

    try:
        await app(scope, counted, unless_exceeded)
    except Exception:  # frameworks wrap it, in groups too
        if not exceeded:
            raise
    if exceeded and not answered:
        await _too_large(limit)(scope, receive, send)
