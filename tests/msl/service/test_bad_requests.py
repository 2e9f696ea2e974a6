"""No request breaks the service: what it cannot read, it refuses with one sentence within a second."""

import json
from time import monotonic

import pytest
from mlflow.tracking import MlflowClient

from msl.service.bodies import BodyError, check_arguments, check_json

pytestmark = pytest.mark.xdist_group("service")

JSON = {"Content-Type": "application/json"}
SEARCH, BATCH, TAG = (f"/api/2.0/mlflow/runs/{name}" for name in ("search", "log-batch", "set-tag"))
METRIC = "/api/2.0/mlflow/runs/log-metric"
HUGE = str(2**70)


@pytest.fixture
def run_id(admin):
    return admin.create_run("0").info.run_id


def assert_refused(service, method, path, **options):
    for _ in range(3):  # the machine may stand still, but not each time
        lines, started_s = service.log.read_text().count("\n"), monotonic()
        answer = service.ask(method, path, service.admin, **options)
        passed_s = monotonic() - started_s
        if passed_s < 5:
            break
    assert passed_s < 5, path  # a second on an idle machine
    assert 400 <= answer.status_code < 500, (path, answer.status_code, answer.text[:200])
    assert len(answer.content) < 1500
    assert not any(word in answer.text for word in ("SELECT", "[SQL", "Traceback", "<html", "<!doctype"))
    assert service.log.read_text().count("\n") <= lines + 1


BODIES = [b"{", b"[]", b"null", b"\xff\xfe", b"NaN", b'"text"', b"1e999", b"[" * 10**5, b'{"a":' * 10**4, b'{"a":NaN}']


@pytest.mark.parametrize("path", [SEARCH, BATCH, "/graphql", "/api/2.0/mlflow/users/create", TAG])
def test_bodies_that_are_no_json(service, path):
    for body in BODIES:
        assert_refused(service, "POST", path, data=body, headers=JSON)


@pytest.mark.parametrize("path", [BATCH, "/graphql", METRIC, TAG])
def test_no_body_at_all(service, path):
    assert_refused(service, "POST", path, data=b"", headers=JSON)


def test_a_bad_request_is_one_line_of_the_log(service):
    lines = service.log.read_text().splitlines()
    assert_refused(service, "POST", "/api/2.0/mlflow/runs/search", data=b"{", headers=JSON)
    new = service.log.read_text().splitlines()[len(lines) :]
    assert len(new) == 1
    assert "WARNING msl.service: POST /api/2.0/mlflow/runs/search: the body is not JSON" in new[0]


def test_filters_with_many_conditions(service):
    for filter_string in (
        " AND ".join(f"metrics.m{number} > 1" for number in range(400)),
        " aNd ".join(f"tags.t{number} = 'a'" for number in range(400)),
        "(" * 5000,
    ):
        assert_refused(service, "POST", SEARCH, json={"experiment_ids": ["0"], "filter": filter_string})
    orders = [f"metrics.m{number}" for number in range(400)]
    assert_refused(service, "POST", SEARCH, json={"experiment_ids": ["0"], "order_by": orders})


def test_numbers_beyond_64_bits(service, run_id):
    assert_refused(service, "GET", f"/api/2.0/mlflow/experiments/get?experiment_id={HUGE}")
    assert_refused(service, "POST", "/api/2.0/mlflow/runs/create", json={"experiment_id": HUGE})
    assert_refused(service, "POST", SEARCH, json={"experiment_ids": [HUGE]})
    assert_refused(service, "POST", SEARCH, json={"experiment_ids": ["0"], "max_results": 10**30})
    assert_refused(service, "GET", f"/api/2.0/mlflow/model-versions/get?name=x&version={HUGE}")
    history = f"/ajax-api/2.0/mlflow/metrics/get-history-bulk-interval?run_ids={run_id}&metric_key=m"
    assert_refused(service, "GET", f"{history}&start_step={HUGE}&end_step={HUGE}0")
    metric = {"run_id": run_id, "key": "m", "value": 1, "timestamp": 1, "step": 1}
    assert_refused(service, "POST", METRIC, json=metric | {"step": 2**70})
    assert_refused(service, "POST", METRIC, json=metric | {"value": 10**400})
    assert_refused(service, "GET", f"/api/2.0/mlflow-artifacts/artifacts/{HUGE}/x")


def test_texts_that_no_database_can_store(service, run_id):
    assert_refused(service, "POST", TAG, json={"run_id": run_id, "key": "a", "value": "x\0"})
    half = json.dumps({"run_id": run_id, "key": "a", "value": "\ud800"})
    assert_refused(service, "POST", TAG, data=half, headers=JSON)
    assert_refused(service, "GET", "/api/2.0/mlflow/experiments/get-by-name?experiment_name=a%00")


def test_queries_that_are_too_deep_or_no_text(service):
    assert_refused(service, "POST", "/graphql", json={"query": "{" + "a{" * 500 + "b" + "}" * 501})
    assert_refused(service, "POST", "/graphql", json={"query": 5})


def test_errors_in_html_become_json(service, run_id):
    answer = service.ask("GET", f"/get-artifact?run_id={run_id}", service.admin)
    assert (answer.status_code, answer.headers["Content-Type"]) == (400, "application/json")
    assert "check the address" in answer.json()["message"]


def test_names_that_cannot_be_files(service, run_id):
    root = f"/api/2.0/mlflow-artifacts/artifacts/0/{run_id}/artifacts"
    assert service.ask("PUT", f"{root}/file", service.admin, data=b"1").ok
    for name in ("x" * 300, "file/below", "x/" * 2500 + "x"):
        assert_refused(service, "PUT", f"{root}/{name}", data=b"1")


def test_what_clients_of_mlflow_send_is_taken(service, admin: MlflowClient, run_id):
    """Metrics that are no number, too: the client writes them as texts."""
    for value in (float("nan"), float("inf"), -float("inf"), 1e300):
        admin.log_metric(run_id, "m", value, step=2**62)
    admin.set_tag(run_id, "note", "ÄÖ 𝄞 \n\t\u2028")
    condition = " and ".join(f"tags.t{number} != 'a'" for number in range(30))
    runs = admin.search_runs(["0"], f"tags.note LIKE 'Ä%' and {condition}", order_by=["metrics.m DESC"])
    assert all(run.info.run_id == run_id for run in runs)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b'{"a": Infinity}', 'Infinity is no JSON number; write "Infinity" as a text'),
        (b'{"a": %d}' % 2**63, "the number 9223372036854775808 is beyond 64 bits"),
        (b'{"a": ' * 21 + b"1" + b"}" * 21, "more deeply than 20"),
        (b"{'a': 1}", "the body is not JSON: .* at character 1"),
        (b'{"experiment_ids": ["1", "-%s"]}' % HUGE.encode(), "is beyond 64 bits"),
    ],
)
def test_messages(body, message):
    with pytest.raises(BodyError, match=message):
        check_json("mlflow/runs/search", body)


def test_bodies_at_the_limits():
    for body in (b"", b" ", b'{"a": %d}' % (2**63 - 1), b'{"a": ' * 20 + b"1" + b"}" * 20, '{"a": "é"}'.encode()):
        check_json("mlflow/runs/search", body)
    check_arguments({"experiment_id": str(2**63 - 1), "filter": "a = 1 and " * 39})
    with pytest.raises(BodyError, match="41 conditions; at most 40"):
        check_arguments({"filter": "a = 1 and " * 40})
