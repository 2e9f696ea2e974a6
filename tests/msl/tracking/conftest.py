"""Fixtures of the tests of tracking."""

import pytest
from disks import small_disk as mounted
from servers import mlflow_command


@pytest.fixture
def small_disk(tmp_path):
    with mounted(tmp_path / "disk", "256k") as disk:
        yield disk


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """Address of a plain MLflow server."""
    folder = tmp_path_factory.mktemp("server")
    store = f"sqlite:///{folder / 'mlflow.db'}"
    with mlflow_command(["server", "--backend-store-uri", store, "--workers", "1"], "/health", folder) as address:
        yield address
