"""The database goes away, a second server is started, the parent is killed: with real processes."""

import os
import signal
import socket
import sqlite3
from contextlib import closing, suppress
from pathlib import Path
from time import monotonic, sleep

import pytest
import requests
from click.testing import CliRunner
from disks import small_disk
from running import postgresql, running

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
    assert_becomes_unready(lone)
    assert lone.ask("GET", "/health").ok  # the process lives; to start it anew would not help
    assert not database.exists()  # no server has made an empty one
    away.rename(database)
    assert names(lone) == {("Default",)}
    assert becomes_ready(lone)


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


def create_run(service):
    return service.ask("POST", "/api/2.0/mlflow/runs/create", service.admin, json={"experiment_id": "0"})


def test_a_database_that_is_locked(lone):
    with closing(sqlite3.connect(lone.folder / "mlflow.db")) as holder:
        holder.execute("BEGIN EXCLUSIVE")
        assert_becomes_unready(lone)
        assert lone.ask("GET", "/health").ok
        answer = create_run(lone)
        assert (answer.status_code, answer.headers.get("Retry-After")) == (503, "5"), answer.text
        assert "cannot reach its database" in answer.text
        holder.rollback()
    assert becomes_ready(lone)
    assert create_run(lone).ok


def test_a_disk_that_is_full(tmp_path):
    with small_disk(tmp_path / "disk", "12m") as disk, running(disk, "--workers", "2") as service:
        assert becomes_ready(service)
        upload = "/api/2.0/mlflow-artifacts/artifacts/0/run/artifacts/a.bin"
        fill(disk / "filling")
        assert_becomes_unready(service)
        wanted = [service.ask("PUT", upload, service.admin, data=bytes(2**20)), service.ask("GET", "/ready")]
        wanted += [create_run(service) for _ in range(30)]  # the first ones may still fit into the database's pages
        for answer in (wanted[0], wanted[1], wanted[-1]):
            assert (answer.status_code, answer.headers.get("Retry-After")) == (503, "5"), answer.text
            assert "INSERT" not in answer.text
        assert "full" in wanted[0].text
        assert "full" in wanted[1].text
        assert {answer.status_code for answer in wanted[2:]} <= {200, 503}
        assert service.ask("GET", "/health").ok
        (disk / "filling").unlink()
        assert becomes_ready(service)
        assert create_run(service).ok
        assert service.ask("PUT", upload, service.admin, data=bytes(2**20)).ok


def fill(path):
    """Write until the disk is full."""
    with path.open("wb", buffering=0) as file, suppress(OSError):
        for size in (2**16, 2**10, 1):
            with suppress(OSError):
                while True:
                    file.write(bytes(size))


def test_postgresql_that_is_started_again(tmp_path):
    with postgresql() as database, running(tmp_path, "--database", database.uri, "--workers", "2") as service:
        for _ in range(6):  # so that both workers have open connections
            assert create_run(service).ok
        database.stop()
        assert_becomes_unready(service)
        assert_unavailable(service)
        assert service.ask("GET", "/health").ok
        database.start()
        assert becomes_ready(service)
        assert all(create_run(service).ok for _ in range(6))


def test_a_second_server_in_the_folder_is_refused_with_the_first_ones_process(lone):
    result = CliRunner().invoke(serve.main, ["--folder", str(lone.folder), "--port", "1"])
    assert result.exit_code == 1
    assert f"is served already, by process {lone.process.pid} on " in result.output


def test_a_worker_that_is_busy_is_not_ended(lone):
    """uvicorn ends one that gives no sign for 5 s, as in a search of many runs on a busy machine, with its requests."""
    workers = workers_of(lone)
    os.kill(workers[0], signal.SIGSTOP)
    sleep(7)
    os.kill(workers[0], signal.SIGCONT)
    assert becomes_ready(lone)
    assert workers_of(lone) == workers


def workers_of(service):
    """The processes that answer, not multiprocessing's own helper."""
    children = Path(f"/proc/{service.process.pid}/task/{service.process.pid}/children").read_text().split()
    return [int(child) for child in children if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes()]


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


def becomes_ready(service, status=200, patience_s=20):
    """Whether all workers do so by themselves; each may answer with what it saw a second ago.

    It looks at least three times: without a database, eight answers take longer than the patience.
    """
    deadline_s, looks = monotonic() + patience_s, 0
    while monotonic() < deadline_s or looks < 3:
        looks += 1
        if {service.ask("GET", "/ready").status_code for _ in range(8)} == {status}:
            return True
        sleep(0.2)
    return False


def assert_becomes_unready(service):
    assert becomes_ready(service, 503)
    assert service.ask("GET", "/ready").headers["Retry-After"] == "5"


def answers(service):
    try:
        return requests.get(f"http://127.0.0.1:{service.port}/health", timeout=5).ok
    except requests.ConnectionError:
        return False
    except requests.Timeout:
        return True  # a worker that ends holds the port
