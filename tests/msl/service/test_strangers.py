"""Strangers cost nothing: guesses wait, half requests are cut off, and nobody else reads the service's files."""

import asyncio
import os
import socket
import stat
from contextlib import ExitStack, suppress
from pathlib import Path
from time import monotonic, sleep

import pytest
import requests
from mlflow.tracking import MlflowClient
from requests.adapters import HTTPAdapter
from running import running

from msl.service import streams
from msl.service.accounts import name_fault, password_fault
from msl.service.logins import Logins, WaitError
from msl.service.streams import CutOffError, LimitedBody

pytestmark = pytest.mark.xdist_group("service")

CONNECTIONS = 60


@pytest.fixture(scope="module")
def guarded(tmp_path_factory):
    """A service with the limits that it has by default, but few connections, started with an open umask."""
    before = os.umask(0)
    try:
        with running(tmp_path_factory.mktemp("guarded"), "--connections", str(CONNECTIONS)) as service:
            yield service
    finally:
        os.umask(before)


class From(HTTPAdapter):
    """Requests from another address of this machine."""

    def __init__(self, address):
        self.address = address
        super().__init__()

    def init_poolmanager(self, *arguments, **options):
        super().init_poolmanager(*arguments, source_address=(self.address, 0), **options)


def asked(service, login, address="127.0.0.1"):
    session = requests.Session()
    session.mount("http://", From(address))
    started_s = monotonic()
    answer = session.get(service.uri + "/version", auth=login, timeout=60)
    return answer, monotonic() - started_s


def guess(service, name, network):
    """Twelve wrong passwords of an account, each from another address, and two more after the wait.

    Returns:
        The answers, and the longest of the times that have to be below a wait of one second.
    """
    answers, times_s = [], []
    for number in range(14):
        sleep(1.1 if number == 12 else 0)
        times_s.append(monotonic())
        answers.append(asked(service, (name, f"guess number {number}"), f"{network}.{number}")[0])
    return answers, max(times_s[12] - 1.1 - times_s[4], monotonic() - times_s[12])


def test_wrong_passwords_of_an_account_wait_longer_and_longer(guarded):
    for attempt in range(10):
        login, network = (f"tried{attempt}", "several words of a password"), f"127.1.{attempt}"
        account = {"username": login[0], "password": login[1]}
        assert guarded.ask("POST", "/api/2.0/mlflow/users/create", guarded.admin, json=account).ok
        assert asked(guarded, login)[0].ok
        answers, longest_s = guess(guarded, login[0], network)
        if longest_s < 1:  # else the machine has stood still for a wait
            break
    assert [answer.status_code for answer in answers] == [401] * 5 + [429] * 7 + [401, 429]
    assert int(answers[11].headers["Retry-After"]) == 1
    assert answers[11].text == "too many wrong passwords; try again in 1 s"
    assert int(answers[13].headers["Retry-After"]) == 2
    assert asked(guarded, login)[0].ok  # who was in before stays in
    log = guarded.log.read_text()
    assert f"wrong password of '{login[0]}' from {network}.0: 1 of this account, 1 of this address" in log
    assert "guess" not in log


def test_wrong_passwords_of_an_address_wait(guarded):
    statuses = [asked(guarded, (f"name{n}", "a guess"), "127.0.2.1")[0].status_code for n in range(30)]
    assert statuses[:20] == [401] * 20
    assert statuses[-1] == 429
    assert asked(guarded, ("somebody", "a guess"), "127.0.2.2")[0].status_code == 401


def test_the_answer_takes_as_long_for_a_name_without_an_account(guarded):
    login = {"username": "timed", "password": "several words of a password"}
    assert guarded.ask("POST", "/api/2.0/mlflow/users/create", guarded.admin, json=login).ok
    times_s = {"timed": [], "untimed": []}
    for number in range(5):
        for name, seconds in times_s.items():
            answer, passed_s = asked(guarded, (name, f"a guess {number}"), f"127.0.3.{number}")
            assert answer.status_code == 401
            seconds.append(passed_s)
    known_s, unknown_s = min(times_s["timed"]), min(times_s["untimed"])  # what else the machine does only adds to them
    assert 0.5 < known_s / unknown_s < 2, times_s


def test_a_header_must_arrive_in_time(guarded):
    with socket.create_connection(("127.0.0.1", guarded.port)) as slow:
        started_s = monotonic()
        slow.settimeout(1)
        closed = False
        while not closed and monotonic() - started_s < 30:
            try:
                slow.sendall(b"GET /version HTTP/1.1\r\n" if monotonic() - started_s < 1 else b"a: b\r\n")
                closed = slow.recv(100) == b""
            except TimeoutError:
                pass
            except OSError:
                closed = True
    assert closed
    assert 8 < monotonic() - started_s < 20


def test_half_open_connections_take_nothing_from_others(guarded):
    with ExitStack() as stack:
        for number in range(5 * CONNECTIONS):
            half = stack.enter_context(socket.create_connection(("127.0.0.1", guarded.port)))
            half.sendall(b"GET /version HTTP/1.1\r\nHost: loc")
            if number % 50 == 49:
                assert asked(guarded, guarded.admin)[0].ok
        number_open = sum(1 for _ in open_connections(guarded))
    assert number_open <= CONNECTIONS + 5


def open_connections(service):
    """Sockets of the server process, from /proc: lines of established connections at its port."""
    with Path("/proc/net/tcp").open() as table:
        for line in table:
            fields = line.split()
            if fields[1].endswith(f":{service.port:04X}") and fields[3] == "01":
                yield fields


@pytest.mark.parametrize(
    ("account", "fault"),
    [
        ({"username": "anna", "password": "too short"}, "at least 12 characters"),
        ({"username": "anna", "password": "password1234"}, "people guess"),
        ({"username": "anna.elisabeth", "password": "anna.elisabeth1"}, "the name of its account"),
        ({"username": "anna", "password": "aaaaaaaaaaaaaaaa"}, "people guess"),
        ({"username": "anna <script>", "password": "several words of hers"}, "letters, digits"),
        ({"username": "a" * 65, "password": "several words of hers"}, "letters, digits"),
        ({"username": "", "password": "several words of hers"}, "letters, digits"),
        ({"username": "ännä", "password": "several words of hers"}, "letters, digits"),
    ],
)
def test_names_and_passwords_that_are_refused(guarded, account, fault):
    for api in ("api", "ajax-api"):
        answer = guarded.ask("POST", f"/{api}/2.0/mlflow/users/create", guarded.admin, json=account)
        assert answer.status_code == 400
        assert fault in answer.json()["message"]


def test_a_password_is_not_changed_to_a_weak_one(guarded):
    body = {"username": "admin", "password": "Admin123456789!"}
    answer = guarded.ask("PATCH", "/api/2.0/mlflow/users/update-password", guarded.admin, json=body)
    assert answer.status_code == 400
    assert guarded.ask("GET", "/version", guarded.admin).ok


@pytest.mark.parametrize("password", ["correct horse battery", "a long password", "3wPl-0ffz_A7", "Üppige Wörter hier"])
def test_passwords_that_are_taken(password):
    assert password_fault("anna", password) is None
    assert name_fault("anna.b_c-d@example.org") is None


def test_only_the_owner_reads_the_files(guarded, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "admin")
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", guarded.password)
    client = MlflowClient(guarded.uri)
    client.log_text(client.create_run("0").info.run_id, "text", "folder/file.txt")
    made = {path: mode for path, mode in modes(guarded.folder) if path.name not in ("server.log", ".msl")}
    assert {"mlflow.db", "accounts.db", "file.txt", "credentials"} <= {path.name for path in made}
    assert {str(path) for path, mode in made.items() if mode & 0o077} == set()


def modes(folder):
    """Permissions of what is below the folder of a running service, which replaces some files every second."""
    for place, folders, names in os.walk(folder):
        for path in (Path(place, name) for name in (*folders, *names)):
            with suppress(FileNotFoundError):
                yield path, stat.S_IMODE(path.stat().st_mode)


def test_a_wait_ends_and_is_forgotten(monkeypatch):
    now_s = [1000.0]
    monkeypatch.setattr("msl.service.logins.monotonic", lambda: now_s[0])
    logins = Logins(lambda name, password: None, lambda name: True, len, 2, 1000)
    waits = []
    for _ in range(15):
        while True:
            try:
                logins.log_in("anna", "wrong", "here")
            except WaitError as error:
                waits.append(error.wait_s)
                now_s[0] += error.wait_s
            else:
                break
    assert waits == [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300, 300]
    with pytest.raises(WaitError):
        logins.log_in("anna", "wrong", "elsewhere")
    now_s[0] += 3601
    assert logins.log_in("anna", "wrong", "here") is None


def test_a_body_that_does_not_arrive_is_cut_off(monkeypatch):
    monkeypatch.setattr(streams, "_PATIENCE_S", 0.2)

    async def receive():
        await asyncio.sleep(0.06)
        return {"type": "http.request", "body": b"x", "more_body": True}

    started_s = monotonic()
    with pytest.raises(CutOffError) as caught:
        asyncio.run(LimitedBody(receive, 1000).read())
    assert caught.value.response.status_code == 408
    assert monotonic() - started_s < 2
