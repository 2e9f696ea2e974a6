"""No spelling of a forbidden artifact is answered: asked of a real server."""

import string
from dataclasses import dataclass
from urllib.parse import quote

import pytest
import requests
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from mlflow.tracking import MlflowClient

from msl.service.paths import PathError, plain_arguments, plain_path

pytestmark = pytest.mark.xdist_group("service")

SECRET = b"only for the crosswalk team"


@dataclass(frozen=True)
class Forbidden:
    """An artifact of an experiment on which the account has DENY."""

    experiment: str
    run: str
    login: tuple[str, str]

    @property
    def path(self) -> str:
        return f"{self.experiment}/{self.run}/artifacts/weights.bin"


@pytest.fixture(scope="module")
def forbidden(service, tmp_path_factory):
    login = ("denied", "a password of a denied")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_USERNAME", "admin")
        patch.setenv("MLFLOW_TRACKING_PASSWORD", service.password)
        client = MlflowClient(service.uri)
        experiment = client.create_experiment("forbidden")
        run = client.create_run(experiment).info.run_id
        file = tmp_path_factory.mktemp("forbidden") / "weights.bin"
        file.write_bytes(SECRET)
        client.log_artifact(run, str(file))
    grant = {"username": login[0], "resource_type": "experiment", "resource_id": experiment, "permission": "DENY"}
    for path, body in (
        ("/api/2.0/mlflow/users/create", {"username": login[0], "password": login[1]}),
        ("/api/3.0/mlflow/users/permissions/grant", grant),
    ):
        assert service.ask("POST", path, service.admin, json=body).ok
    return Forbidden(experiment, run, login)


def assert_refused(service, forbidden, path):
    headers = {
        "Authorization": requests.Request("GET", "http://x/", auth=forbidden.login).prepare().headers["Authorization"]
    }
    status, content = service.raw("GET", path, headers)
    assert status >= 400, (path, status, content[:200])
    assert SECRET not in content, path
    assert b"weights.bin" not in content, path


NOTHING = st.sampled_from(
    [
        "",
        "",
        "",
        "./",
        "/",
        "%2e/",
        "%2E%2F",
        "%252e/",
        "x/../",
        "x/%2e%2e/",
        "x%2f..%2f",
        ".%5c",
        "\\",
        "%c0%ae/",
        "%20",
        "%00",
        "%09",
        ";a=b/",
        "0/../",
    ]
)


@st.composite
def spellings(draw, path):
    """The path with characters encoded up to three times, and with parts in it that file systems ignore."""
    segments = path.split("/")
    text = ""
    for number, segment in enumerate(segments):
        text += draw(NOTHING)
        for character in segment:
            times = draw(st.sampled_from([0, 0, 0, 0, 0, 1, 2, 3]))
            text += f"%{'25' * (times - 1)}{ord(character):02x}" if times else character
        if number < len(segments) - 1:
            text += draw(st.sampled_from(["/", "/", "/", "//", "%2f", "%252f", "/./", "\\", "%5c", "%c0%af"]))
    return text + draw(st.sampled_from(["", "", "", "/", "/.", "%2f", "?", "?path=0", "?run_id=0", "#", "%23", "%00"]))


ROOTS = ("/api/2.0/mlflow-artifacts/artifacts/", "/ajax-api/2.0/mlflow-artifacts/artifacts/")
LISTS = ("/api/2.0/mlflow-artifacts/artifacts?path=", "/ajax-api/2.0/mlflow-artifacts/artifacts?path=")


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_spelling_of_a_forbidden_artifact_is_answered(service, forbidden, data):
    root = data.draw(st.sampled_from(ROOTS))
    assert_refused(service, forbidden, root + data.draw(spellings(forbidden.path)).replace(" ", "%20"))


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_spelling_of_a_forbidden_folder_is_listed(service, forbidden, data):
    folder = forbidden.path.rpartition("/")[0]
    listed = data.draw(st.sampled_from(LISTS)) + data.draw(spellings(folder)).replace(" ", "%20")
    assert_refused(service, forbidden, listed)


def test_other_ways_to_a_forbidden_artifact(service, forbidden):
    run, experiment = forbidden.run, forbidden.experiment
    file = "weights.bin"
    for path in (
        f"/get-artifact?run_id={run}&path={file}",
        f"/get-artifact?run_uuid={run}&path={file}",
        f"/get-artifact?run_id=0&run_uuid={run}&path={file}",
        f"/get-artifact?run_id=&run_uuid={run}&path={file}",
        f"/get-artifact?run_id=0&run_id={run}&path={file}",
        f"/api/2.0/mlflow/artifacts/list?run_id={run}",
        f"/api/2.0/mlflow/artifacts/list?run_uuid={run}",
        f"/api/2.0/mlflow-artifacts/presigned/{forbidden.path}",
        f"/api/2.0/mlflow-artifacts/artifacts?path={experiment}",
        f"/api/2.0/mlflow-artifacts/artifacts?path=0&path={experiment}/{run}/artifacts",
        f"/model-versions/get-artifact?name=x&version=1&path={file}",
    ):
        assert_refused(service, forbidden, path)


def test_only_the_admin_lists_all_experiments(service, reader):
    for path in ("", "?path=", "?path=.", "?path=/", "?path=models"):
        answer = service.ask("GET", f"/api/2.0/mlflow-artifacts/artifacts{path}", reader)
        assert answer.status_code in (400, 403), path
    assert service.ask("GET", "/api/2.0/mlflow-artifacts/artifacts", service.admin).ok


def test_a_head_is_no_way_around(service, forbidden, reader):
    """MLflow checks the permissions of a GET and answers a HEAD."""
    path = f"/get-artifact?run_id={forbidden.run}&path=weights.bin"
    assert service.ask("HEAD", path, forbidden.login).status_code == 404
    assert service.ask("OPTIONS", path, reader).status_code == 404


@given(
    st.text(st.characters(exclude_categories=["C", "Z"], exclude_characters="/\\%")).filter(
        lambda name: name not in ("", ".", "..")
    )
)
@example("100 percent & more.txt".replace(" ", "_"))
def test_a_plain_name_is_itself_however_often_it_is_encoded(name):
    if name.lower().startswith("file:"):
        return
    once = quote(f"/a/{name}", safe="/")
    assert plain_path(once.encode()) == plain_path(quote(once, safe="/").encode()) == f"/a/{name}"


@given(st.text(string.ascii_lowercase + "./%2e5cf\\", max_size=12))
def test_what_is_plain_stays_in_its_folder(text):
    try:
        path = plain_path(f"/{text}".encode())
    except PathError:
        return
    assert path == "/" or not {"", ".", ".."} & set(path[1:].split("/"))
    assert "\\" not in path
    assert plain_path(path.replace("%", "%25").encode()) == path


@pytest.mark.parametrize(
    ("query", "message"),
    [
        (b"path=./a", "a segment"),
        (b"path=a&path=b", "two values"),
        (b"run_id=a&run_id=b", "run_id has two values"),
        (b"run_id=a&run_uuid=b", "different runs"),
        (b"path=%ff", "UTF-8"),
        (b"&".join(b"a%d=1" % number for number in range(1001)), "more than 1000"),
    ],
)
def test_arguments_that_are_not_plain(query, message):
    with pytest.raises(PathError, match=message):
        plain_arguments("/get-artifact", query)


def test_several_runs_may_be_named_where_several_are_read():
    assert plain_arguments("/ajax-api/2.0/mlflow/metrics/get-history-bulk", b"run_id=a&run_id=b") == {"run_id": "a"}
