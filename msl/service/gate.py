"""The checks of a request before MLflow sees it: its origin, its account, its path, its rule, and its body.

MLflow reads the body of a request into memory before it checks the account. It leaves a few routes open, sets no limit
to uploads, lets pages of any port on localhost write, and lets every account make experiments with artifacts at any
path of the server. Its own permissions are applied after these checks.
"""

import logging
import os
import re
import sys
from base64 import b64decode
from collections.abc import Mapping, Sequence
from functools import partial
from math import ceil
from pathlib import Path
from typing import Any

from mlflow.exceptions import MlflowException
from mlflow.server import constants
from sqlalchemy.engine import Engine
from sqlalchemy.exc import SQLAlchemyError
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from msl.service.accounts import refuse_accounts
from msl.service.answers import ErrorsInJson, unavailable
from msl.service.bodies import BodyError, check_arguments, check_json
from msl.service.counts import CONTENT_TYPE, COUNTS, Counts
from msl.service.logins import Account, Logins, WaitError
from msl.service.logs import log_in_one_line
from msl.service.observed import ACCOUNT, Observed
from msl.service.origins import is_local, origin_fault
from msl.service.paths import PathError, encode_path, plain_arguments, plain_path
from msl.service.presence import DatabaseFiles, end_with_parent
from msl.service.readiness import Readiness
from msl.service.rules import Role, Rule, find_rule, strip_version
from msl.service.sources import refuse_places
from msl.service.streams import CutOffError, LimitedBody, replay, stream, too_large

_LOG = logging.getLogger("msl.service")

UPLOAD_LIMIT = "MSL_SERVICE_UPLOAD_LIMIT"  # bytes of an artifact
ACCOUNT_FAILURES = "MSL_SERVICE_ACCOUNT_FAILURES"  # wrong passwords that cost no wait
ADDRESS_FAILURES = "MSL_SERVICE_ADDRESS_FAILURES"
CREATION = "MSL_SERVICE_CREATION"  # who may make experiments and models: everyone, or admin

# How long a thread that computes keeps Python's lock if others want it. With the usual 5 ms, trainings that log slow a
# search of many runs down; nobody waits for what they log.
_SWITCH_S = 0.02
_BODY_LIMIT = 16 * 2**20  # bytes of any other request; MLflow's largest batch has 1 MB
_HEALTH, _READY = "/health", "/ready"  # open to all: whether the process answers, and whether it can do its work
_METRICS = "/metrics"  # for Prometheus, which logs in or is on this machine
_ARTIFACTS = "mlflow-artifacts/artifacts"
_ARTIFACTS_PLACE = str(constants.ARTIFACTS_DESTINATION_ENV_VAR)
_NO_JSON = ("mlflow/upload-artifact", "mlflow/users/create-ui")  # a file, and a form
_EXPERIMENT = re.compile(r"(0|[1-9][0-9]{0,17})(/|$)")  # the first segment of every artifact's path
_ENDPOINTS = "mlflow/gateway-proxy"  # the page of runs asks for it each time, and would show a refusal to people


class Gate:
    """ASGI middleware in front of MLflow's application."""

    def __init__(
        self, app: ASGIApp, logins: Logins, files: DatabaseFiles, readiness: Readiness, counts: Counts
    ) -> None:
        """Wrap MLflow's application."""
        self._counts = counts
        self._app = app
        self._files = files
        self._readiness = readiness
        self._logins = logins
        self._upload_limit = int(os.environ[UPLOAD_LIMIT])
        self._all_create = os.environ[CREATION] == "everyone"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse the request, or give it to MLflow."""
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        elif scope["type"] != "http" or scope["path"] == _HEALTH:
            await self._app(scope, receive, send)
        elif scope["path"] == _READY:
            fault = await self._readiness.fault()
            await (unavailable(fault) if fault else PlainTextResponse("OK"))(scope, receive, send)
        elif scope["path"] == _METRICS and is_local(Request(scope)):
            await self._metrics()(scope, receive, send)
        elif not self._files.are_present():
            await unavailable()(scope, receive, send)
        else:
            answer = await self._answer(Request(scope)) or await self._pass(scope, receive, send)
            if answer is not None:
                await answer(scope, receive, send)

    async def _answer(self, request: Request) -> Response | None:
        """What the gate answers itself, or None: then MLflow may see the request, and the path in it is plain."""
        if fault := origin_fault(request):
            return PlainTextResponse(fault, 403)
        try:
            account = await run_in_threadpool(self._account, request)
        except (MlflowException, SQLAlchemyError) as error:
            if not _is_unavailable(error):
                raise
            return unavailable()
        except WaitError as error:
            return PlainTextResponse(str(error), 429, {"Retry-After": str(ceil(error.wait_s))})
        if account is None:
            reason = "log in: set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD to your name and password"
            return PlainTextResponse(reason, 401, {"WWW-Authenticate": 'Basic realm="mlflow"'})
        request.scope[ACCOUNT] = account.username
        if request.scope["path"] == _METRICS:
            return self._metrics()
        try:
            arguments = _make_plain(request.scope)
            check_arguments(arguments)
        except (PathError, BodyError) as error:
            return _bad(request.scope, error)
        return self._refusal(request, account, arguments) or _oversized(request, self._limit(request.scope))

    def _metrics(self) -> Response:
        return Response(self._counts.page(), media_type=CONTENT_TYPE)

    def _refusal(self, request: Request, account: Account, arguments: Mapping[str, str]) -> Response | None:
        name = strip_version(request.scope["path"])
        rule = find_rule(request.method, request.scope["path"])
        if rule is None:
            return PlainTextResponse("this service has no such part", 404)
        if name == _ENDPOINTS:
            return JSONResponse({"endpoints": []})
        if request.method == "GET" and _has_body(request):
            return PlainTextResponse("a GET has no body; pass its arguments in the address", 400)
        if name.startswith(_ARTIFACTS) and not _names_experiment(name, arguments, account):
            return PlainTextResponse("name the experiment first: artifacts are at EXPERIMENT/RUN/artifacts/…", 403)
        return None if account.is_admin else self._role_refusal(rule)

    def _role_refusal(self, rule: Rule) -> Response | None:
        """The refusal of an account that is not the admin."""
        if rule.role < Role.ADMIN or (rule.is_creation and self._all_create):
            return None
        made = "make experiments and models here" if rule.is_creation else rule.what
        return PlainTextResponse(f"only the account admin may {made}: ask its owner", 403)

    async def _pass(self, scope: Scope, receive: Receive, send: Send) -> Response | None:
        """Give the request to MLflow if its body can be taken; otherwise give the refusal."""
        body, answers = LimitedBody(receive, self._limit(scope)), ErrorsInJson(scope, receive, send)
        try:
            if _is_artifact(scope):
                await stream(self._app, body, scope, answers.send)
            else:
                content = await body.read()
                if (name := strip_version(scope["path"])) not in _NO_JSON:
                    check_json(name, content)
                await self._app(scope, replay(content, receive), answers.send)
            await answers.end()
        except CutOffError as error:
            return None if answers.is_answered else error.response
        except BodyError as error:
            return _bad(scope, error)
        except ConnectionError:
            pass  # nobody waits for an answer
        except Exception as error:
            await answers.fail(error)
        return None

    def _limit(self, scope: Scope) -> int:
        """The most bytes of the body."""
        return self._upload_limit if _is_artifact(scope) else _BODY_LIMIT

    def _account(self, request: Request) -> Account | None:
        scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "basic":
            return None
        try:
            name, colon, password = b64decode(encoded.strip(), validate=True).decode().partition(":")
        except ValueError:
            return None
        address = request.client.host if request.client else ""
        return self._logins.log_in(name, password, address) if colon and "\0" not in name else None


def create_app() -> Observed:
    """The application that uvicorn's processes serve; `server.environment` says how."""
    from mlflow.server import app, auth

    application = auth.create_app()
    app.before_request(refuse_places)
    app.before_request(refuse_accounts)
    log_in_one_line()
    end_with_parent()
    sys.setswitchinterval(_SWITCH_S)
    engines = _engines()
    counts = Counts(Path(os.environ[COUNTS]))
    return Observed(Gate(application, _logins(), _database_files(engines), _readiness(engines), counts), counts)


def _engines() -> list[Engine]:
    from mlflow.server import auth
    from mlflow.server.handlers import _get_model_registry_store, _get_tracking_store

    stores: list[Any] = [_get_tracking_store(), _get_model_registry_store(), auth.store]  # SQLAlchemy's, all three
    return [store.engine for store in stores]


def _readiness(engines: Sequence[Engine]) -> Readiness:
    places = [str(Path(os.environ["MLFLOW_AUTH_CONFIG_PATH"]).parent), os.environ[_ARTIFACTS_PLACE]]
    folders = [Path(place) for place in places if "://" not in place]
    return Readiness([engine.url.render_as_string(hide_password=False) for engine in engines], folders)


def _database_files(engines: Sequence[Engine]) -> DatabaseFiles:
    files = [Path(engine.url.database or "") for engine in engines if engine.dialect.name == "sqlite"]

    def close() -> None:
        for engine in engines:
            engine.dispose()

    return DatabaseFiles(files, close)


def _logins() -> Logins:
    from mlflow.server import auth
    from werkzeug.security import check_password_hash, generate_password_hash

    other = generate_password_hash("the password of no account")
    limits = int(os.environ[ACCOUNT_FAILURES]), int(os.environ[ADDRESS_FAILURES])
    waste_time = partial(check_password_hash, other)
    return Logins(auth._authenticate_cached, auth.store.has_user, waste_time, *limits)


def _make_plain(scope: Scope) -> dict[str, str]:
    """Put the plain path into the scope, and give the arguments.

    Raises:
        PathError: the path or an argument has another spelling than the plain one.
    """
    scope["path"] = plain_path(scope.get("raw_path") or scope["path"].encode())
    scope["raw_path"] = encode_path(scope["path"])
    return plain_arguments(scope["path"], scope["query_string"])


def _bad(scope: Scope, error: Exception) -> Response:
    """Refuse a request that cannot be read, and log it in one line."""
    _LOG.warning("%s %s: %s", scope["method"], scope["path"][:200].encode("unicode_escape").decode(), error)
    return PlainTextResponse(str(error), 400)


def _has_body(request: Request) -> bool:
    return request.headers.get("content-length", "0") != "0" or "transfer-encoding" in request.headers


def _is_artifact(scope: Scope) -> bool:
    return strip_version(scope["path"]).startswith(f"{_ARTIFACTS}/")


def _names_experiment(name: str, arguments: Mapping[str, str], account: Account) -> bool:
    """Whether MLflow can find the experiment whose permissions count; only the admin lists all experiments."""
    path = name.removeprefix(_ARTIFACTS).removeprefix("/") or arguments.get("path", "")
    return _EXPERIMENT.match(path) is not None or (not path and account.is_admin)


def _is_unavailable(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, SQLAlchemyError):
            return True
        error = error.__cause__
    return False


def _oversized(request: Request, limit: int) -> Response | None:
    length = request.headers.get("content-length", "0")
    return too_large(limit) if length.isdigit() and int(length) > limit else None
