"""The database goes away, a second server is started, the parent is killed: with real processes."""

import os
import signal
import socket
import sqlite3
from contextlib import closing
from time import monotonic, sleep

import pytest
import requests
from click.testing import CliRunner
from running import running

from entrypoints import serve

pytestmark = pytest.mark.xdist_group("service")

SEARCH = "/api/2.0/mlflow/experiments/search?max_results=100"


@pytest.fixture(scope="module")
def lone(tmp_path_factory):
    with running(tmp_path_factory.mktemp("lone"), "--workers", "2") as service:
        yield service


def names(service):
    answers = [service.ask("GET", SEARCH, service.admin) for _ in range(6)]
    assert all(answer.ok for answer in answers), answers[0].text
    return {tuple(sorted(e["name"] for e in answer.json()["experiments"])) for answer in answers}


def assert_unavailable(service, path=SEARCH):
    for _ in range(4):
        answer = service.ask("GET", path, service.admin)
        assert (answer.status_code, answer.headers.get("Retry-After")) == (503, "5"), answer.text
        assert "SELECT" not in answer.text


def copy_of(database, target, name):
    with closing(sqlite3.connect(database)) as read, closing(sqlite3.connect(target)) as write:
        read.backup(write)
        write.execute("UPDATE experiments SET name = ?", (name,))
        write.commit()


def test_a_database_that_is_removed_and_comes_back(lone):
    database = lone.folder / "mlflow.db"
    assert names(lone) == {("Default",)}
    away = database.rename(lone.folder / "away.db")
    assert_unavailable(lone)
    assert_unavailable(lone, "/health")
    assert not database.exists()  # no server has made an empty one
    away.rename(database)
    assert names(lone) == {("Default",)}
    assert lone.ask("GET", "/health").ok


def test_a_database_that_is_replaced_is_answered_from_by_all_workers(lone):
    database = lone.folder / "mlflow.db"
    copy_of(database, lone.folder / "new.db", "replaced")
    (lone.folder / "new.db").replace(database)
    assert names(lone) == {("replaced",)}


def test_a_database_that_is_damaged(lone):
    database = lone.folder / "mlflow.db"
    good = database.read_bytes()
    (lone.folder / "bad.db").write_bytes(b"no database at all" * 1000)
    (lone.folder / "bad.db").replace(database)
    assert_unavailable(lone)
    (lone.folder / "good.db").write_bytes(good)
    (lone.folder / "good.db").replace(database)
    assert len(names(lone)) == 1


def test_a_second_server_in_the_folder_is_refused_with_the_first_ones_process(lone):
    result = CliRunner().invoke(serve.main, ["--folder", str(lone.folder), "--port", "1"])
    assert result.exit_code == 1
    assert f"is served already, by process {lone.process.pid} on " in result.output


def test_killing_the_parent_ends_the_workers_and_a_restart_takes_the_folder(tmp_path):
    with running(tmp_path, "--workers", "2") as service:
        os.kill(service.process.pid, signal.SIGKILL)
        service.process.wait(10)
        deadline_s = monotonic() + 30
        while answers(service) and monotonic() < deadline_s:
            sleep(0.2)
        assert not answers(service)
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as a restart does
        probe.bind(("127.0.0.1", service.port))
    with running(tmp_path) as again:
        assert again.ask("GET", "/version", again.admin).ok


def answers(service):
    try:
        return requests.get(f"http://127.0.0.1:{service.port}/health", timeout=5).ok
    except requests.ConnectionError:
        return False
