"""Who gets in, with what, and from where: asked of a real server."""

import gzip
import json
import os
import re
import zlib

import pytest
import requests
from mlflow.entities import Metric
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

pytestmark = pytest.mark.xdist_group("service")

ARTIFACTS = "/api/2.0/mlflow-artifacts/artifacts"
# What takes a POST and yet changes nothing.
READS = {
    "registered-models/get-latest-versions",
    "runs/search",
    "ui-telemetry",
}


@pytest.fixture(scope="module")
def planted(service, tmp_path_factory):
    """A run with a metric and an artifact, made by the admin, and a registered model."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_USERNAME", "admin")
        patch.setenv("MLFLOW_TRACKING_PASSWORD", service.password)
        client = MlflowClient(service.uri)
        run = client.create_run(client.create_experiment("planted"))
        client.log_batch(run.info.run_id, [Metric("m", 1.0, 1, 1)])
        file = tmp_path_factory.mktemp("planted") / "file.txt"
        file.write_text("mine")
        client.log_artifact(run.info.run_id, str(file))
        client.create_registered_model("planted")
    return run.info


def login_as(monkeypatch, login):
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", login[0])
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", login[1])


def test_every_route_wants_an_account(service, routes):
    """The pages, REST, ajax, artifacts, the model registry: everything but the sign of life."""
    assert len(routes) > 500
    parts = ("/", "/signup", "/graphql", "/version", "/get-artifact", f"{ARTIFACTS}/1", "/static-files/1", "/v1/traces")
    assert set(parts) <= {path for _, path in routes}
    session = requests.Session()
    strangers = [{}, {"Authorization": "Bearer abc"}, basic(("nobody", "password"))]
    for method, path in [*routes, ("GET", "/no/such/page"), ("GET", "/health/x"), ("GET", "/static/../version")]:
        if path == "/health":
            continue
        for headers in strangers:
            answer = session.request(method, service.uri + path, headers=headers, timeout=60)
            assert answer.status_code == 401, (method, path, headers)
            assert answer.headers["WWW-Authenticate"] == 'Basic realm="mlflow"'


@pytest.mark.parametrize(
    "header",
    ["Basic", "Basic !!!", "Basic YWRtaW4=", "Basic AAAA", "Basic gICA", "Digest username=admin", "Basic Og=="],
)
def test_headers_that_are_no_login(service, header):
    assert service.raw("GET", "/version", {"Authorization": header})[0] == 401


def test_wrong_passwords(service, routes):
    assert service.ask("GET", "/version", service.admin).ok
    for password in ("", "password1234", service.password + " ", service.password.swapcase(), "x" * 10_000):
        assert service.ask("GET", "/version", ("admin", password)).status_code == 401
    for method, path in routes[::40]:
        assert path == "/health" or service.ask(method, path, ("admin", "wrong")).status_code == 401


def test_a_reader_reads(service, reader, planted, monkeypatch, tmp_path):
    login_as(monkeypatch, reader)
    client = MlflowClient(service.uri)
    assert [run.info.run_id for run in client.search_runs([planted.experiment_id])] == [planted.run_id]
    assert [point.value for point in client.get_metric_history(planted.run_id, "m")] == [1.0]
    assert service.ask("GET", "/", reader).ok
    assert service.ask("GET", f"/get-artifact?run_id={planted.run_id}&path=file.txt", reader).text == "mine"


def test_a_reader_cannot_write(service, reader, planted, routes, monkeypatch):
    """Every route that could change something, with the IDs of things that are there."""
    run, experiment = planted.run_id, planted.experiment_id
    known = {"run_id": run, "run_uuid": run, "experiment_id": experiment, "name": "planted", "key": "k", "value": "v"}
    known |= {"status": "FAILED", "new_name": "stolen", "username": "reader", "is_admin": True, "alias": "a"}
    known |= {"version": "1", "source": f"runs:/{run}/x", "description": "stolen", "timestamp": 1, "step": 1}
    known |= {"password": "another password", "permission": "MANAGE", "resource_type": "experiment"}
    before, let_in = state(service, planted), set()
    for method, path in routes:
        if method in ("GET", "HEAD", "OPTIONS"):
            continue
        numbers = known | {"value": 2.0} if path.endswith("log-metric") else known
        filled = path.replace("/artifacts/1", f"/artifacts/{experiment}/{run}/artifacts/file.txt")
        if service.ask(method, filled, reader, json=numbers).ok:
            let_in.add(re.sub(r"^/(ajax-)?api/\d.0/mlflow/", "", path))
    assert let_in == READS
    assert state(service, planted) == before
    login_as(monkeypatch, reader)
    client = MlflowClient(service.uri)
    for write in (
        lambda: client.create_experiment("of a reader"),
        lambda: client.create_registered_model("of a reader"),
        lambda: client.create_run(experiment),
        lambda: client.log_metric(run, "m", 2.0),
        lambda: client.set_tag(run, "t", "v"),
        lambda: client.delete_run(run),
        lambda: client.log_text(run, "stolen", "file.txt"),
    ):
        with pytest.raises((MlflowException, requests.HTTPError), match="403|Permission denied|only the account admin"):
            write()
    assert state(service, planted) == before


def state(service, planted):
    def told(path, **body):
        answer = service.ask("POST" if body else "GET", path, service.admin, **({"json": body} if body else {}))
        assert answer.ok, answer.text
        return answer.json()

    return [
        told(f"/api/2.0/mlflow/runs/get?run_id={planted.run_id}"),
        told("/api/2.0/mlflow/experiments/search", max_results=1000, view_type="ALL"),
        told("/api/2.0/mlflow/registered-models/search?max_results=100"),
        told("/api/2.0/mlflow/users/list"),
        told(f"/api/2.0/mlflow/artifacts/list?run_id={planted.run_id}"),
        service.ask("GET", f"/get-artifact?run_id={planted.run_id}&path=file.txt", service.admin).text,
    ]


def test_a_grant_lets_an_account_write(service, planted, monkeypatch):
    login = ("writer", "a password of a writer")
    for path, body in (
        ("/api/2.0/mlflow/users/create", {"username": login[0], "password": login[1]}),
        (
            "/api/3.0/mlflow/users/permissions/grant",
            {
                "username": login[0],
                "resource_type": "experiment",
                "resource_id": planted.experiment_id,
                "permission": "EDIT",
            },
        ),
    ):
        answer = service.ask("POST", path, service.admin, json=body)
        assert answer.ok, answer.text
    login_as(monkeypatch, login)
    client = MlflowClient(service.uri)
    run_id = client.create_run(planted.experiment_id).info.run_id
    client.log_text(run_id, "text", "file.txt")
    client.log_metric(run_id, "m", 1.0)
    with pytest.raises(MlflowException):
        client.create_run("0")


TRAVERSALS = [
    "../outside.txt",
    "0/../../outside.txt",
    "%2e%2e/outside.txt",
    "..%2foutside.txt",
    "%252e%252e%252foutside.txt",
    "%2Ftmp%2Foutside.txt",
    "//tmp/outside.txt",
    "C:%5coutside.txt",
    "file:%2F%2F%2Ftmp%2Foutside.txt",
    "0/x/../../../.msl/service/credentials",
]


@pytest.mark.parametrize("name", TRAVERSALS)
def test_artifact_names_stay_below_the_artifacts(service, name):
    """Even for the admin."""
    for prefix in ("/api", "/ajax-api"):
        path = f"{prefix}/2.0/mlflow-artifacts/artifacts/{name}"
        for method, body in (("PUT", b"planted"), ("GET", None), ("DELETE", None)):
            status, content = service.raw(method, path, basic(service.admin), body)
            assert status >= 300, (method, path, content)  # 308: to the same without the doubled slash
            assert service.password.encode() not in content
    outside = [file for file in service.folder.rglob("*outside*") if "mlartifacts" not in file.parts]
    assert not outside
    assert not os.path.exists("/tmp/outside.txt")  # noqa: PTH110


@pytest.mark.parametrize("path", ["../../../../.msl/service/credentials", "/etc/passwd", "%2e%2e/%2e%2e/x", "..\\x"])
def test_artifact_paths_of_runs_stay_below_the_run(service, planted, path):
    answer = service.ask("GET", f"/get-artifact?run_id={planted.run_id}&path={path}", service.admin)
    assert answer.status_code >= 400
    assert service.password not in answer.text


@pytest.mark.parametrize("location", ["/etc", "file:///etc", "http://169.254.169.254/", "relative", "s3://bucket/x"])
def test_experiments_keep_their_artifacts_in_the_service(service, location):
    """Else whoever may make one could read any file that the server can."""
    body = {"name": f"at {location}", "artifact_location": location}
    answer = service.ask("POST", "/api/2.0/mlflow/experiments/create", service.admin, json=body)
    assert answer.status_code == 400, answer.text


def test_hosts(service):
    for host, status in {
        "localhost": 200,
        f"127.0.0.1:{service.port}": 200,
        "tracking.example": 200,
        "attacker.example": 403,
        "10.attacker.example": 403,
        "localhost.attacker.example": 403,
        "": 403,
    }.items():
        assert service.raw("GET", "/", {"Host": host} | basic(service.admin))[0] == status, host


@pytest.mark.parametrize(
    "host", ["localhost:5000:5000", "localhost:5000@attacker.example", "localhost:", "localhost/", "a b"]
)
def test_a_host_is_a_host_and_at_most_one_port(service, host):
    assert service.raw("GET", "/version", {"Host": host} | basic(service.admin))[0] in (400, 403)


def test_pages_of_other_sites_are_refused_also_without_an_origin(service):
    """A browser says so itself; what it sends for an image or a form of another site has no Origin."""
    for site, status in {"cross-site": 403, "same-site": 403, "same-origin": 200, "none": 200}.items():
        answer = service.ask("GET", "/version", service.admin, headers={"Sec-Fetch-Site": site})
        assert answer.status_code == status, site
    link = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    assert service.ask("GET", "/", service.admin, headers=link).ok
    assert service.ask("GET", "/get-artifact?run_id=0&path=x", service.admin, headers=link).status_code == 403


def test_a_reader_sees_no_list_of_accounts(service, reader):
    for path in (
        "/api/2.0/mlflow/users/list",
        "/ajax-api/2.0/mlflow/users/list",
        "/api/3.0/mlflow/roles/list?workspace=default",
    ):
        assert service.ask("GET", path, reader).status_code == 403
        assert service.ask("GET", path, service.admin).ok
    assert service.ask("GET", "/api/2.0/mlflow/users/get?username=admin", reader).status_code == 403
    assert service.ask("GET", "/api/2.0/mlflow/users/current", reader).json()["user"]["username"] == "reader"


@pytest.mark.parametrize(
    "source",
    [
        "/etc",
        "file:///etc",
        "http://169.254.169.254/latest",
        "s3://bucket/x",
        "mlflow-artifacts://attacker.example/0/x",
        "mlflow-artifacts:/0/../../.msl",
        "runs:/0/%2e%2e/x",
        "dummy-source",
    ],
)
def test_models_come_from_this_service(service, planted, source):
    body = {"name": "planted", "source": source, "run_id": planted.run_id}
    answer = service.ask("POST", "/api/2.0/mlflow/model-versions/create", service.admin, json=body)
    assert answer.status_code == 400, answer.text
    assert "source" in answer.json()["message"]


def test_models_of_runs_are_registered(service, planted):
    body = {"name": "planted", "source": f"runs:/{planted.run_id}/file.txt", "run_id": planted.run_id}
    assert service.ask("POST", "/api/2.0/mlflow/model-versions/create", service.admin, json=body).ok


@pytest.mark.parametrize("origin", ["http://attacker.example", "null", "http://localhost:9", "https://127.0.0.1"])
def test_pages_of_other_origins_are_refused(service, origin):
    before = service.ask("POST", "/api/2.0/mlflow/experiments/search", service.admin, json={"max_results": 1000}).json()
    for method in ("POST", "GET", "OPTIONS"):
        answer = service.ask(
            method,
            "/api/2.0/mlflow/experiments/create",
            service.admin,
            json={"name": origin},
            headers={"Origin": origin},
        )
        assert answer.status_code == 403
        assert "Access-Control-Allow-Origin" not in answer.headers
    after = service.ask("POST", "/api/2.0/mlflow/experiments/search", service.admin, json={"max_results": 1000}).json()
    assert before == after
    same_origin = {"Origin": service.uri}
    assert (
        service.ask("POST", "/api/2.0/mlflow/runs/search", service.admin, json={}, headers=same_origin).status_code
        != 403
    )


def chunks(size):
    while size > 0:
        yield b"x" * min(size, 2**16)
        size -= 2**16


def test_uploads_are_bounded(service, planted):
    """Here to 1 MiB, whether the length is told or not; nothing of what is refused stays."""
    path = f"{ARTIFACTS}/{planted.experiment_id}/{planted.run_id}/artifacts"
    assert service.ask("PUT", f"{path}/fits", service.admin, data=b"x" * 2**20).ok
    assert service.ask("PUT", f"{path}/fits too", service.admin, data=chunks(2**20)).ok
    assert service.ask("PUT", f"{path}/empty", service.admin, data=b"").ok
    for name, data in (("told", b"x" * (2**20 + 1)), ("not told", chunks(2**21))):
        try:
            answer = service.ask("PUT", f"{path}/{name}", service.admin, data=data)
            assert (answer.status_code, answer.text) == (413, "the request is too large: at most 1 MiB are accepted")
        except requests.ConnectionError:
            pass  # the server had closed the connection before everything was sent
    folder = service.folder / "mlartifacts" / planted.experiment_id / planted.run_id / "artifacts"
    assert sorted(file.name for file in folder.iterdir()) == ["empty", "file.txt", "fits", "fits too"]
    told = f"POST /graphql HTTP/1.1\r\nHost: localhost\r\nContent-Length: {2**24 + 1}\r\nAuthorization: "
    status, text = service.answer((told + basic(service.admin)["Authorization"] + "\r\n\r\n").encode())
    assert (status, text) == (413, b"the request is too large: at most 16 MiB are accepted")


def basic(login):
    return {"Authorization": requests.Request("GET", "http://x/", auth=login).prepare().headers["Authorization"]}


def test_a_stranger_sends_no_body(service):
    """The answer comes before any of it is read."""
    told = "POST /api/2.0/mlflow/runs/create HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10000000000\r\n\r\n"
    assert service.answer(told.encode())[0] == 401


def test_what_is_for_language_models_is_not_there(service):
    for path in ("/gateway/x/invocations", "/v1/traces", "/ajax-api/3.0/mlflow/assistant/config", "/ajax-api/3.0/jobs"):
        assert service.ask("POST", path, service.admin, data=gzip.compress(b"0" * 10**6)).status_code == 404
    for path in ("/api/3.0/mlflow/mcp-servers/1", "/api/3.0/mlflow/gateway/x"):
        assert service.ask("GET", path, service.admin).text == "this service has no such part"


def test_artifacts_may_have_the_names_of_what_is_not_there(service, planted):
    name = "gateway/v1/mlflow/assistant/ajax-api/3.0/jobs/mcp-servers/file"
    path = f"{ARTIFACTS}/{planted.experiment_id}/{planted.run_id}/artifacts/{name}"
    assert service.ask("PUT", path, service.admin, data=b"weights").ok
    assert service.ask("GET", path, service.admin).content == b"weights"
    assert service.ask("DELETE", path, service.admin).ok


def test_the_list_of_runs_may_ask_what_lies_behind_a_gateway(service):
    """MLflow's pages ask whenever they list runs, and show people a refusal."""
    path = "/ajax-api/2.0/mlflow/gateway-proxy"
    answer = service.ask("GET", f"{path}?gateway_path=api%2F2.0%2Fendpoints%2F", service.admin)
    assert (answer.status_code, answer.json()) == (200, {"endpoints": []})
    assert service.ask("POST", path, service.admin, json={"gateway_path": "x"}).status_code == 404
    assert service.ask("GET", path).status_code == 401


def hostile(reader, planted):
    """A hundred and more requests, as the bytes that are sent."""
    login = "Authorization: " + basic(reader)["Authorization"]
    search = "POST /api/2.0/mlflow/runs/search HTTP/1.1\r\nHost: localhost\r\n"

    def posted(body, *headers, path="/api/2.0/mlflow/runs/search", length=None):
        lines = [f"POST {path} HTTP/1.1", "Host: localhost", "Content-Type: application/json", *headers, login]
        return (
            "\r\n".join([*lines, f"Content-Length: {len(body) if length is None else length}", "", ""]).encode() + body
        )

    yield from (
        b"",
        b"\0" * 1000,
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"\x16\x03\x01\x02\0\x01\0",
        b"\xff" * 5000,
    )
    yield from (
        f"{method} / HTTP/1.1\r\nHost: localhost\r\n{login}\r\n\r\n".encode() for method in ("TRACE", "CONNECT", "X")
    )
    yield from (
        f"GET /{c}{c} HTTP/1.1\r\nHost: localhost\r\n{login}\r\n\r\n".encode("latin1") for c in "%<\"'\\^`{|}~é "
    )
    yield f"GET / HTTP/1.1\r\nHost: localhost\r\nX: {'x' * 10**6}\r\n\r\n".encode()
    yield f"GET /{'x' * 10**5} HTTP/1.1\r\nHost: localhost\r\n{login}\r\n\r\n".encode()
    yield ("GET / HTTP/1.1\r\nHost: localhost\r\n" + "A: b\r\n" * 20_000 + "\r\n").encode()
    yield b"GET / HTTP/1.1\r\nHost: localhost\r\nHost: attacker.example\r\n\r\n"
    yield (search + f"{login}\r\nContent-Length: -1\r\n\r\n{{}}").encode()
    yield (search + f"{login}\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{{}}").encode()
    yield (search + f"{login}\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /x").encode()
    yield (search + f"{login}\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n{{}}\r\n").encode()
    yield (search + f"{login}\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFF\r\n{{}}").encode()
    yield (search + f"{login}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n").encode()
    yield (search + "Authorization: Basic " + "A" * 10**5 + "\r\n\r\n").encode()
    for body in (
        b"",
        b"{",
        b"[]",
        b"null",
        b"\xff\xfe",
        b"NaN",
        b'"text"',
        b"1e999",
        b"[" * 10**5,
        b'{"a":' * 10**4,
        gzip.compress(b"{}"),
        zlib.compress(b"{}"),
        b'{"max_results": -1}',
        b'{"max_results": 1e30}',
        b'{"experiment_ids": {"$gt": ""}}',
        b'{"experiment_ids": "' + b"0" * 10**6 + b'"}',
        b'{"experiment_ids": ["0 OR 1=1"]}',
        b'{"experiment_ids": ["0"], "page_token": "AAAA"}',
        b'{"experiment_ids": ["0"], "page_token": "gASVAAAA"}',
    ):
        yield posted(body)
        yield posted(body, path="/api/2.0/mlflow/runs/log-batch")
        yield posted(body, path="/graphql")
    for query in (
        "1=1; DROP TABLE runs",
        "metrics.m > 'x'",
        "' OR ''='",
        "tags.`a` = '\0'",
        "(" * 5000,
        "params.a LIKE '%%'",
    ):
        yield posted(json.dumps({"experiment_ids": ["0"], "filter": query}).encode())
        yield posted(json.dumps({"experiment_ids": ["0"], "order_by": [query]}).encode())
    nested = "{" + "a{" * 500 + "b" + "}" * 501
    yield posted(json.dumps({"query": nested}).encode(), path="/graphql")
    yield posted(b"x" * 10, length=10**7)  # and hangs up
    yield posted(b"x", "Content-Encoding: gzip", path="/v1/traces")
    yield posted(b"x", "X-Forwarded-For: 127.0.0.1", path="/ajax-api/3.0/mlflow/assistant/config")
    yield posted(b"x", "X-HTTP-Method-Override: DELETE", path="/api/2.0/mlflow/users/delete")
    yield posted(json.dumps({"run_id": planted.run_id}).encode(), path="/api/2.0/mlflow/runs/delete")


def test_hostile_requests_neither_get_in_nor_take_it_down(service, reader, planted):
    before, sent = state(service, planted), list(hostile(reader, planted))
    assert len(sent) >= 100
    anonymous = [request.replace(basic(reader)["Authorization"].encode(), b"") for request in sent]
    for request in anonymous:
        first = service.bytes(request).partition(b"\r\n")[0]
        assert not first or first.split()[1] in (b"400", b"401", b"403", b"431"), (request[:200], first)
    for request in sent:
        service.bytes(request)
    assert service.process.poll() is None
    assert state(service, planted) == before
