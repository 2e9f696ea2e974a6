"""An MLflow server's REST interface, for reading."""

import configparser
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

from analysis.errors import AnalysisError
from msl.console import reason

AT_ONCE = 16  # requests at the same time
_CONNECT_S = 10.0
_READ_S = 120.0  # until an answer, as MLflow waits; MLFLOW_HTTP_REQUEST_TIMEOUT changes both

Answer = dict[str, Any]


class Api:
    """A server, with the credentials that MLflow's own client uses.

    These are MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or the same in lower case in section ``[mlflow]``
    of ``~/.mlflow/credentials``; or MLFLOW_TRACKING_TOKEN. MLFLOW_TRACKING_INSECURE_TLS, …_SERVER_CERT_PATH and
    …_CLIENT_CERT_PATH have the same effect as there.
    """

    def __init__(self, uri: str) -> None:
        parts = urlsplit(uri)
        self.uri = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2])).rstrip("/")
        self._base = uri.rstrip("/") + "/api/2.0/mlflow/"
        self._timeout = _seconds("MLFLOW_HTTP_REQUEST_TIMEOUT", _READ_S)
        self._session = requests.Session()
        # The questions asked here change nothing, so a POST may be sent again too.
        retry = Retry(3, backoff_factor=0.3, status_forcelist=(429, 502, 503, 504), allowed_methods=None)
        adapter = HTTPAdapter(pool_maxsize=AT_ONCE, max_retries=retry)
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, adapter)
        self._identify()

    def get(self, path: str, **parameters: object) -> Answer:
        """The server's answer to a GET.

        Raises:
            AnalysisError: the server cannot be reached, needs a login, or refuses.
        """
        return self._answer("GET", path, parameters=parameters)

    def post(self, path: str, **body: object) -> Answer:
        """The server's answer to a POST; raises as `get` does."""
        return self._answer("POST", path, body=body)

    def pages(self, method: str, path: str, **question: object) -> Iterator[Answer]:
        """All pages of an answer; raises as `get` does."""
        ask = self.get if method == "GET" else self.post
        while True:
            page = ask(path, **question)
            yield page
            if not page.get("next_page_token"):
                return
            question["page_token"] = page["next_page_token"]

    def _identify(self) -> None:
        name, password = _login()
        token = os.environ.get("MLFLOW_TRACKING_TOKEN")
        if "@" in urlsplit(self._base).netloc:
            pass  # the address has the log-in, and requests sends it
        elif name and password:
            self._session.auth = (name, password)
        elif token:
            self._session.auth = lambda request: _bearing(request, token)
        certificate = os.environ.get("MLFLOW_TRACKING_SERVER_CERT_PATH")
        insecure = _is_true("MLFLOW_TRACKING_INSECURE_TLS")
        if certificate and insecure:
            raise AnalysisError(
                "MLFLOW_TRACKING_INSECURE_TLS and MLFLOW_TRACKING_SERVER_CERT_PATH are both set: unset one of them"
            )
        self._verify = certificate or not insecure
        self._session.cert = os.environ.get("MLFLOW_TRACKING_CLIENT_CERT_PATH")

    def _answer(self, method: str, path: str, parameters: Answer | None = None, body: Answer | None = None) -> Answer:
        timeout = (min(_CONNECT_S, self._timeout), self._timeout)
        # As an option of each request: in a session, REQUESTS_CA_BUNDLE would count more than MLflow's variables.
        options: dict[str, Any] = {"timeout": timeout, "verify": self._verify}
        try:
            response = self._session.request(method, self._base + path, params=parameters, json=body, **options)
        except (requests.RequestException, OSError, ValueError) as error:
            raise AnalysisError(f"tracking server {self.uri} cannot be reached: {reason(error, self.uri)}") from error
        if response.status_code in (401, 403):
            raise AnalysisError(
                f"tracking server {self.uri} needs a login that may read ({response.status_code}). Set "
                "MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN."
            )
        try:
            answer: Answer = response.json()
        except requests.JSONDecodeError as error:
            raise AnalysisError(
                f"{self.uri} does not answer like an MLflow server ({response.status_code} to {path})"
            ) from error
        if not response.ok:
            raise AnalysisError(f"tracking server {self.uri}: {answer.get('message', response.reason)}")
        return answer


def _seconds(name: str, default: float) -> float:
    text = os.environ.get(name) or default
    try:
        return float(text)
    except ValueError:
        raise AnalysisError(f"{name} = {text}: set a number of seconds, or unset it") from None


def _is_true(name: str) -> bool:
    """The value of a variable as MLflow reads it."""
    text = os.environ.get(name) or "false"
    if text.lower() not in ("true", "false", "1", "0"):
        raise AnalysisError(f"{name} = {text}: set true or false, or unset it")
    return text.lower() in ("true", "1")


def _login() -> tuple[str | None, str | None]:
    """Name and password, from the environment or MLflow's file."""
    parser = configparser.ConfigParser(interpolation=None)
    parser.read(Path.home() / ".mlflow" / "credentials")
    names = ("MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD")
    name, password = (os.environ.get(name) or parser.get("mlflow", name, fallback=None) for name in names)
    return name, password


def _bearing(request: requests.PreparedRequest, token: str) -> requests.PreparedRequest:
    request.headers["Authorization"] = f"Bearer {token}"
    return request
