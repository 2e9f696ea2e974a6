"""A service on SQLite that all tests share, since it takes seconds to start."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from mlflow.tracking import MlflowClient
from running import Service, running, shown_password

# The tests send thousands of wrong passwords from one address.
FEW_LIMITS = ("--upload_limit_mb", "1", "--account_failures", "1000000", "--address_failures", "1000000")


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """As it is after a restart."""
    folder = tmp_path_factory.mktemp("service")
    with running(folder, *FEW_LIMITS) as first:
        assert shown_password(first.log) == first.password
    with running(folder, *FEW_LIMITS, "--allowed_hosts", "tracking.example") as again:
        yield again


@pytest.fixture
def admin(service: Service, monkeypatch: pytest.MonkeyPatch) -> MlflowClient:
    """A client as the README makes one: three variables."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", service.uri)
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "admin")
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", service.password)
    return MlflowClient()


@pytest.fixture(scope="session")
def reader(service: Service) -> tuple[str, str]:
    """An account that has been granted nothing."""
    login = ("reader", "a password of a reader")
    made = service.ask(
        "POST", "/api/2.0/mlflow/users/create", service.admin, json={"username": login[0], "password": login[1]}
    )
    assert made.ok, made.text
    return login


@pytest.fixture(scope="session")
def templates(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[str, str]]:
    """Method and path of everything that MLflow's server answers to; parameters are * and **."""
    script = Path(__file__).with_name("routes.py")
    command = [sys.executable, str(script), str(tmp_path_factory.mktemp("routes"))]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return [(method, path) for method, path in json.loads(done.stdout.splitlines()[-1])]


@pytest.fixture(scope="session")
def routes(templates: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """The same with parameters filled in."""
    return sorted({(method, path.replace("**", "1").replace("*", "1")) for method, path in templates})
