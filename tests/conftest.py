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

# Servers that tests start run no jobs: the ten processes that MLflow keeps for those take a minute of processor time.
os.environ["MLFLOW_SERVER_ENABLE_JOB_EXECUTION"] = "false"
_KEPT = ("MSL_TEST_DATA", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION")


@pytest.fixture(autouse=True, scope="session")
def _few_threads() -> None:
    """Tests run side by side; on tiny images more threads only wait for each other."""
    torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def _own_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test has its own run store, caches and data, and leaves the user's alone."""
    for name in [name for name in os.environ if name.startswith(("MLFLOW_", "MSL_")) and name not in _KEPT]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'mlflow.db'}")
    monkeypatch.setenv("MSL_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real images, which the repository does not hold."""
    folder = os.environ.get("MSL_TEST_DATA")
    if not folder or not Path(folder).is_dir():
        pytest.skip("MSL_TEST_DATA names no folder with real images (camvid/, torch_home/)")
    return Path(folder).resolve()


@pytest.fixture
def rng() -> Iterator[torch.Generator]:
    return torch.Generator().manual_seed(0)


@pytest.fixture(scope="session")
def _empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty run store: MLflow takes seconds to lay out its tables, copying the file takes none."""
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
    """The same, in a folder that has the tiny domains."""
    tiny.write_domains(tmp_path)
    return store


@pytest.fixture(scope="module")
def browser() -> Iterator["Browser"]:
    """A real one, in which each test opens pages of its own; a module's, since it keeps an event loop busy."""
    executable = shutil.which("chromium") or shutil.which("google-chrome")
    if executable is None:
        pytest.skip("no Chromium installed: neither chromium nor google-chrome is on the PATH")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        yield opened
        opened.close()
