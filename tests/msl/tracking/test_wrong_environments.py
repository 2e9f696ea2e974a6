"""Wrong environments: each gives one sentence that names the way out, and no traceback, in stages and in analysis.

An environment is a state (a server, a database, a file) and variables. Each is tried with a command of msl that opens
the store as every stage does, and with one of analysis.
"""

import base64
import re
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from certificates import Authority, answering, make_authority, speak_tls
from click.testing import CliRunner

import analysis.__main__ as analysis
from msl.commands.catalog import find_command

SECRET = "hunter2"
EMPTY_ANSWER = '{"experiments": []}'
NO_PROXY = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy", "ALL_PROXY", "all_proxy"), "")


@dataclass(frozen=True)
class Case:
    name: str
    uri: str  # a name in braces is filled in from the states
    says: str  # a part of the sentence
    variables: dict[str, str] = field(default_factory=dict)
    in_analysis: bool = True  # False: analysis can read the store all the same


STATUSES = {
    401: "log-in|needs a login that may read",
    403: "may not do that|a login that may read",
    404: "no MLflow server answers under this path|not answer like an MLflow",
    413: "larger than the server|not answer like an MLflow",
    429: "too many requests|cannot be reached",
    500: "server itself has failed|not answer like an MLflow",
    502: "a gateway answers|cannot be reached",
    503: "the server cannot answer now|cannot be reached",
    504: "a gateway answers|cannot be reached",
}
TLS = "MLFLOW_TRACKING_SERVER_CERT_PATH"
CLIENT = "MLFLOW_TRACKING_CLIENT_CERT_PATH"
INSECURE = "MLFLOW_TRACKING_INSECURE_TLS"
CASES = [
    *(Case(f"answers {status}", f"{{http{status}}}", says) for status, says in STATUSES.items()),
    Case("a page", "{page}", "something other than an MLflow server|not answer like an MLflow"),
    Case("nothing listens", "http://127.0.0.1:9", "nothing answers there"),
    Case("no such host", "http://msl-no-such-host.invalid", "host name cannot be found"),
    Case("no host", "http://", "host name cannot be found|no valid address"),
    Case("half an address", "https://[bad", "no valid address"),
    Case("port of letters", "http://127.0.0.1:port", "no valid address"),
    Case("port too large", "http://127.0.0.1:99999", "no valid address|cannot be reached"),
    Case("https for http", "{https_of_http}", "does not speak https"),
    Case("unknown authority", "{tls}", "MLFLOW_TRACKING_SERVER_CERT_PATH"),
    Case("other authority", "{tls}", "MLFLOW_TRACKING_SERVER_CERT_PATH", {TLS: "{other_authority}"}),
    Case("no such authority", "{tls}", "certificate file .* does not exist", {TLS: "/nowhere/authority.pem"}),
    Case("authority of text", "{tls}", "holds no usable certificate", {TLS: "{text}"}),
    Case("no such bundle", "{tls}", "REQUESTS_CA_BUNDLE", {"REQUESTS_CA_BUNDLE": "/nowhere/bundle.pem"}),
    Case("both", "{tls}", "Unset one of them|unset one of them", {TLS: "{authority}", INSECURE: "true"}),
    Case("insecure: perhaps", "{tls}", "MLFLOW_TRACKING_INSECURE_TLS = perhaps", {INSECURE: "perhaps"}),
    Case("client unknown", "{tls_for_clients}", "MLFLOW_TRACKING_CLIENT_CERT_PATH|connection .* lost",
         {TLS: "{authority}"}),
    Case("no such client", "{tls_for_clients}", "certificate file .* does not exist",
         {TLS: "{authority}", CLIENT: "/nowhere/client.pem"}),
    Case("other host", "{tls_of_other_host}", "for another host name", {TLS: "{other_authority}"}),
    Case("no proxy", "http://runs.invalid", "proxy cannot be reached", {"HTTP_PROXY": "http://127.0.0.1:9",
                                                                      "http_proxy": "http://127.0.0.1:9"}),
    Case("timeout of letters", "{http500}", "MLFLOW_HTTP_REQUEST_TIMEOUT", {"MLFLOW_HTTP_REQUEST_TIMEOUT": "soon"}),
    Case("password in an address", f"http://me:{SECRET}@127.0.0.1:9", "nothing answers there"),
    Case("token of two lines", "{http500}", "MLFLOW_TRACKING_TOKEN", {"MLFLOW_TRACKING_TOKEN": "one\ntwo"}),
    Case("a text", "sqlite:///{text}", "no SQLite database"),
    Case("a folder", "sqlite:///{folder}", "is a folder and no database file"),
    Case("a newer schema", "sqlite:///{newer}", "pip install -U mlflow", in_analysis=False),
    Case("an older schema", "sqlite:///{older}", "mlflow db upgrade sqlite:///", in_analysis=False),
    Case("path of a database", "{store}", "Write sqlite:///"),
    Case("name of a database", "runs.db", "Write sqlite:///runs.db"),
    Case("two slashes", "sqlite:mlflow.db", "Write sqlite:///mlflow.db"),
    Case("file store", "./mlruns", "MLflow no longer supports"),
    Case("file store as address", "file:///tmp/mlruns", "MLflow no longer supports"),
    Case("Databricks", "databricks", "does not use Databricks"),
    Case("no kind", "redis://127.0.0.1/1", "no kind of run store"),
    Case("MySQL without driver", f"mysql://me:{SECRET}@127.0.0.1/runs", "MySQLdb.* is not installed"),
    Case("no PostgreSQL", f"postgresql+psycopg://me:{SECRET}@127.0.0.1:9/runs", "database does not answer"),
    Case("PostgreSQL port", f"postgresql+psycopg://me:{SECRET}@127.0.0.1:port/runs", "no valid address"),
    Case("PostgreSQL host", f"postgresql+psycopg://me:{SECRET}@no-such-host.invalid/runs", "host name cannot be found"),
]  # fmt: skip


@pytest.fixture(scope="module")
def states(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """What the cases name."""
    folder: Path = tmp_path_factory.mktemp("states")
    known, other = make_authority(folder / "known"), make_authority(folder / "other", "127.0.0.2")
    (folder / "text").write_text("this is a text\n" * 100)
    places = {"text": str(folder / "text"), "folder": str(folder), "authority": str(known.certificate)}
    places["other_authority"] = str(other.certificate)
    places |= _databases(folder)
    with ExitStack() as servers:
        for status in STATUSES:
            places[f"http{status}"] = servers.enter_context(answering(status, "no"))[0]
        places["page"] = servers.enter_context(answering(200, "<html>welcome</html>"))[0]
        places["https_of_http"] = places["page"].replace("http:", "https:")
        places["tls"] = _tls(servers, known)
        places["tls_of_other_host"] = _tls(servers, other)
        places["tls_for_clients"] = _tls(servers, known, wants_client=True)
        yield places


def _tls(servers: ExitStack, authority: Authority, *, wants_client: bool = False) -> str:
    def prepare(server):
        return speak_tls(server, authority, wants_client=wants_client)

    return servers.enter_context(answering(200, EMPTY_ANSWER, prepare))[0]


def _databases(folder: Path) -> dict[str, str]:
    """A run store, and copies with the mark of an older and of a newer MLflow."""
    from mlflow.tracking import MlflowClient

    MlflowClient(f"sqlite:///{folder / 'store.db'}").search_experiments()
    revisions = {"older": _older_revision(), "newer": "ffffffffffff"}
    for name, revision in revisions.items():
        shutil.copy(folder / "store.db", folder / f"{name}.db")
        with closing(sqlite3.connect(folder / f"{name}.db")) as database, database:
            database.execute("update alembic_version set version_num = ?", (revision,))
    return {name: str(folder / f"{name}.db") for name in ("store", *revisions)}


def _older_revision() -> str:
    import mlflow.store.db_migrations as migrations

    files = (Path(migrations.__file__).parent / "versions").glob("451aebb31d03_*.py")  # a very early one
    return next(files).name.partition("_")[0]


def _message(result) -> str:
    """The one line of an error; anything else is a fault."""
    lines = [line for line in result.stderr.splitlines() if not line.startswith("20")]  # without messages of logs
    assert result.exit_code == 1, result.output
    assert "Traceback" not in result.output
    assert SECRET not in result.output
    errors = [line for line in lines if line.startswith("Error: ")]
    assert len(errors) == 1, result.output
    return errors[0]


@pytest.mark.parametrize("command", ["msl", "analysis"])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_wrong_environment_is_one_sentence(case, command, states, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    for name, value in {**NO_PROXY, **case.variables}.items():
        monkeypatch.setenv(name, value.format(**states))
    uri = case.uri.format(**states)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    if command == "analysis" and not case.in_analysis:
        assert CliRunner().invoke(analysis.main, ["runs"]).exit_code == 0
        return
    tried = find_command("prepare_store") if command == "msl" else analysis.main
    result = CliRunner().invoke(tried, [] if command == "msl" else ["runs"])
    message = _message(result)
    assert re.search(case.says, message), message


def test_there_are_sixty():
    assert 2 * len(CASES) >= 60


@pytest.mark.parametrize(
    "variables",
    [
        {TLS: "{authority}"},
        {"REQUESTS_CA_BUNDLE": "{authority}"},
        {TLS: "{authority}", "REQUESTS_CA_BUNDLE": "{other_authority}"},
        {INSECURE: "true"},
        {INSECURE: "true", "REQUESTS_CA_BUNDLE": "{other_authority}"},
        {INSECURE: "", TLS: "{authority}", "MLFLOW_TRACKING_TOKEN": ""},
    ],
    ids=lambda variables: " ".join(variables),
)
@pytest.mark.parametrize("command", ["msl", "analysis"])
@pytest.mark.filterwarnings("ignore:Unverified HTTPS request")
def test_tls_is_as_mlflows_variables_say(variables, command, states, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name, value in {**variables, "MLFLOW_TRACKING_URI": "{tls}"}.items():
        monkeypatch.setenv(name, value.format(**states))
    tried = find_command("prepare_store") if command == "msl" else analysis.main
    result = CliRunner().invoke(tried, [] if command == "msl" else ["runs"])
    assert result.exit_code == 0, result.output


@pytest.mark.parametrize("command", ["msl", "analysis"])
def test_a_certificate_of_the_client_and_a_log_in_in_the_address(command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    authority = make_authority(tmp_path)
    monkeypatch.setenv(TLS, str(authority.certificate))
    monkeypatch.setenv(CLIENT, str(authority.client))
    tried = find_command("prepare_store") if command == "msl" else analysis.main
    with answering(200, EMPTY_ANSWER, lambda server: speak_tls(server, authority, wants_client=True)) as (uri, server):
        monkeypatch.setenv("MLFLOW_TRACKING_URI", uri.replace("https://", f"https://me:{SECRET}@"))
        result = CliRunner().invoke(tried, [] if command == "msl" else ["runs"])
        assert result.exit_code == 0, result.output
    basic = "Basic " + base64.b64encode(f"me:{SECRET}".encode()).decode()
    assert {request["Authorization"] for request in server.headers} == {basic}
