"""What the service looks like from outside: numbers for Prometheus, a log of requests, alerts."""

import json
import re
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from time import monotonic, sleep, time

import pytest
from click.testing import CliRunner
from mlflow.tracking import MlflowClient
from running import running

from entrypoints import serve
from msl import schema
from msl.tracking import connect, open_run
from msl.tracking.watch import Watch

pytestmark = pytest.mark.xdist_group("service")

SCORE = schema.final(schema.BEST, schema.score(schema.TARGET, schema.MIOU))
SEARCH = "/api/2.0/mlflow/experiments/search?max_results=100"


class Receiver(ThreadingHTTPServer):
    """A webhook that keeps what it is told; it can be told to fail."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.told, self.status = [], 200

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}/hook"

    def kinds(self):
        return [(alert["kind"], alert["run_id"]) for alert in self.told]


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        alert = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.server.status == 200:
            self.server.told.append(alert)
        self.send_response(self.server.status)
        self.end_headers()

    def log_message(self, *arguments):
        pass


@contextmanager
def receiving():
    server = Receiver()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def receiver():
    with receiving() as server:
        yield server


@pytest.fixture(scope="module")
def observed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("observed")
    options = ("--workers", "2", "--access_log", str(folder / "access.log"), "--address_failures", "2")
    with (
        receiving() as receiver,
        running(folder, *options, "--trusted_proxies", "127.0.0.1", "--alert", receiver.url) as service,
    ):
        service.receiver = receiver
        yield service


def wait_for(condition):
    """The first value of a condition that is true."""
    deadline_s = monotonic() + 60
    while not (value := condition()):
        assert monotonic() < deadline_s
        sleep(0.05)
    return value


def wait_for_numbers(service):
    """Wait until each worker has written its numbers once more."""
    now_s, folder = time(), service.folder / ".msl/service/counts"

    def are_written():
        files = list(folder.glob("*.json"))
        return len(files) == 2 and all(file.stat().st_mtime > now_s for file in files)

    wait_for(are_written)


def numbers(service, **options):
    answer = service.ask("GET", "/metrics", **options)
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    lines = [line for line in answer.text.splitlines() if not line.startswith("#")]
    assert all(re.fullmatch(r'[a-z_]+(\{[a-z]+="[^"]*"(,[a-z]+="[^"]*")*\})? -?[0-9.e+-]+', line) for line in lines)
    return {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in lines}


def test_prometheus_reads_the_numbers_of_all_workers(observed):
    wait_for_numbers(observed)
    before = numbers(observed)
    for _ in range(20):
        assert observed.ask("GET", SEARCH, observed.admin).ok
    assert observed.ask("GET", SEARCH).status_code == 401
    wait_for_numbers(observed)
    after = numbers(observed)

    def more(name):
        return after[name] - before.get(name, 0)

    assert more('msl_requests_total{method="GET",status="200"}') >= 20
    assert more('msl_requests_total{method="GET",status="401"}') == 1
    assert more('msl_request_seconds_bucket{le="+Inf"}') == more("msl_request_seconds_count") >= 21
    assert more("msl_request_seconds_sum") > 0
    assert more("msl_response_bytes_total") > 20 * len("experiments")
    assert after["msl_requests_in_progress"] == 1  # this one
    assert after["msl_errors_total"] == 0


def test_the_numbers_are_for_this_machine_and_for_accounts(observed):
    elsewhere = {"Host": "localhost", "X-Forwarded-For": "192.0.2.7"}
    assert observed.ask("GET", "/metrics", headers=elsewhere).status_code == 401
    assert observed.ask("GET", "/metrics", headers={"Host": "tracking.example"}).status_code == 401
    assert observed.ask("GET", "/metrics", observed.admin, headers=elsewhere).ok
    assert observed.ask("GET", "/metrics", headers={"Host": "localhost:5000"}).ok


def test_a_line_of_json_for_each_request_without_secrets(observed):
    path = "/api/2.0/mlflow/runs/create"
    made = observed.ask("POST", path, observed.admin, json={"experiment_id": "0"}, params={"secret": "query"})
    log = observed.folder / "access.log"
    text = wait_for(lambda: path in (text := log.read_text()) and text)
    entry = [line for line in map(json.loads, text.splitlines()) if line["path"] == path][-1]
    assert (entry["account"], entry["method"], entry["status"]) == ("admin", "POST", made.status_code)
    assert (entry["address"], entry["request_bytes"]) == ("127.0.0.1", len(made.request.body))
    assert entry["response_bytes"] == len(made.content)
    assert 0 < entry["seconds"] < 60
    assert entry["time"].startswith("20")
    assert observed.password not in text
    assert "secret" not in text
    log.rename(observed.folder / "access.log.1")
    assert observed.ask("GET", SEARCH, observed.admin).ok
    assert wait_for(lambda: log.exists() and log.read_text())  # opened again, as logrotate needs it


def test_behind_a_proxy_each_client_has_its_own_limit(observed):
    def ask(address):
        login = ("nobody " + address, "a wrong password")
        return observed.ask("GET", "/version", login, headers={"X-Forwarded-For": address}).status_code

    statuses = [ask("192.0.2.1") for _ in range(12)]
    assert 429 in statuses
    assert ask("192.0.2.2") == 401
    assert observed.ask("GET", SEARCH, observed.admin).ok
    wait_for_numbers(observed)
    assert numbers(observed)["msl_login_waits_total"] >= statuses.count(429)


def test_a_server_tells_a_webhook_of_a_failed_run(observed, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "admin")
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", observed.password)
    client = MlflowClient(observed.uri)
    run_id = client.create_run("0", run_name="quick").info.run_id
    client.set_tag(run_id, schema.ERROR, "loss became NaN")
    client.set_terminated(run_id, "FAILED")
    deadline_s = monotonic() + 90
    while not observed.receiver.told and monotonic() < deadline_s:
        sleep(0.5)
    assert observed.receiver.kinds() == [("failed", run_id)]
    assert observed.receiver.told[0]["text"] == f"run quick ({run_id}) failed: loss became NaN"


def ended(client, score=None, status="FINISHED", target="camvid/test"):
    run_id = client.create_run("0", tags={schema.DATA_TARGET: target}).info.run_id
    if score is not None:
        client.log_metric(run_id, SCORE, score)
    client.set_terminated(run_id, status)
    return run_id


def test_alerts_tell_of_failed_silent_and_best_runs_once(store, receiver):
    client = connect()
    ended(client, 40.0)
    ended(client, status="FAILED")
    watch = Watch(store, receiver.url)
    watch.look()
    assert receiver.told == []  # what ended before
    expected = [("failed", ended(client, status="FAILED")), ("best", ended(client, 41.0))]
    ended(client, 39.0)
    ended(client, 99.0, target="the first of another target's")
    watch.look()
    watch.look()
    assert sorted(receiver.kinds()) == sorted(expected)
    (best,) = [alert["text"] for alert in receiver.told if alert["kind"] == "best"]
    assert best.endswith("is the new best: 41.00 % after 40.00 %")
    silent = open_run(client, "silent", {}).run_id
    client.set_tag(silent, schema.HEARTBEAT, "2020-01-01T00:00:00Z")
    watch.look()
    watch._reaper._seen = {run: type(seen)(seen.sign, seen.since - 3600) for run, seen in watch._reaper._seen.items()}
    watch.look()
    assert receiver.kinds()[2:] == [("silent", silent)]


def test_alerts_wait_for_a_receiver_that_does_not_answer(store, receiver, caplog):
    client = connect()
    watch = Watch(store, receiver.url)
    watch.look()
    receiver.status = 500
    run_ids = [ended(client, status="FAILED") for _ in range(2)]
    watch.look()
    assert receiver.told == []
    assert "2 alerts wait: 127.0.0.1 cannot be reached: HTTP Error 500" in caplog.text
    receiver.status = 200
    watch.look()
    assert sorted(alert["run_id"] for alert in receiver.told) == sorted(run_ids)


def test_settings_that_cannot_be(tmp_path):
    result = CliRunner().invoke(serve.main, ["--folder", str(tmp_path), "--alert", "ftp://example/x"])
    assert (result.exit_code, "alert" in result.output) == (1, True), result.output
    log = tmp_path / "absent/access.log"
    result = CliRunner().invoke(serve.main, ["--folder", str(tmp_path), "--port", "9", "--access_log", str(log)])
    assert result.exit_code == 1
    assert f"access_log = {log}: No such file or directory; name a file that can be written" in result.output
