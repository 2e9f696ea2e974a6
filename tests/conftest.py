"""Fixtures that every test may use."""

import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import tiny
import torch

if TYPE_CHECKING:
    from playwright.sync_api import Browser

REPOSITORY = Path(__file__).parent.parent

# Servers that tests start run no jobs: MLflow's ten processes for jobs take a minute of processor time.
os.environ["MLFLOW_SERVER_ENABLE_JOB_EXECUTION"] = "false"
os.environ["OMP_NUM_THREADS"] = "1"  # of the processes that tests start; for this one see _few_threads
_PASSED_ON = ("MSL_TEST_DATA", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION")


@pytest.fixture(autouse=True, scope="session")
def _few_threads() -> None:
    """Tests run side by side; on tiny images more threads only wait for each other."""
    torch.set_num_threads(1)


@pytest.fixture(autouse=True, scope="session")
def _groups_hold(request: pytest.FixtureRequest) -> None:
    """A worker has all tests of a group, as pytest-xdist tells it: else each starts the servers, and pages mix."""
    grouped = [item for item in request.session.items if item.get_closest_marker("xdist_group")]
    if getattr(request.config.option, "loadgroup", False):
        assert all("@" in item.nodeid for item in grouped), "pytest-xdist does not know this version of pytest"


@pytest.fixture(autouse=True)
def _private_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test has its own run store, caches and data, and does not touch those of the user."""
    for name in [name for name in os.environ if name.startswith(("MLFLOW_", "MSL_")) and name not in _PASSED_ON]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'mlflow.db'}")
    monkeypatch.setenv("MSL_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("MSL_SENDER", "inline")  # a process of its own costs each run the seconds of MLflow's import
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real images, which are not part of the repository."""
    folder = os.environ.get("MSL_TEST_DATA")
    if not folder or not Path(folder).is_dir():
        pytest.skip("MSL_TEST_DATA names no folder with real images (camvid/, torch_home/)")
    return Path(folder).resolve()


@pytest.fixture
def rng() -> Iterator[torch.Generator]:
    return torch.Generator().manual_seed(0)


@pytest.fixture(scope="session")
def _empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty run store. MLflow needs seconds to create its tables; a copy of the file needs none."""
    from mlflow.tracking import MlflowClient

    path = tmp_path_factory.mktemp("store") / "mlflow.db"
    MlflowClient(tracking_uri=f"sqlite:///{path}").search_experiments()
    return path


@pytest.fixture
def store(_empty_store: Path, tmp_path: Path) -> str:
    """URI of this test's own run store, which MLFLOW_TRACKING_URI names."""
    path = shutil.copyfile(_empty_store, tmp_path / "mlflow.db")
    with closing(sqlite3.connect(path)) as connection, connection:  # artifacts of the first experiment, too
        connection.execute("UPDATE experiments SET artifact_location = ?", (str(tmp_path / "mlruns" / "0"),))
    return f"sqlite:///{tmp_path / 'mlflow.db'}"


@pytest.fixture
def tiny_store(store: str, tmp_path: Path) -> str:
    """The same, in a folder with the tiny domains."""
    tiny.write_domains(tmp_path)
    return store


@pytest.fixture(scope="module")
def browser() -> Iterator["Browser"]:
    """A real browser, in which each test opens its own pages; one for each module, because it blocks an event loop."""
    executable = shutil.which("chromium") or shutil.which("google-chrome")
    if executable is None:
        pytest.skip("no Chromium installed: neither chromium nor google-chrome is on the PATH")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        yield chromium
        chromium.close()
