"""Fixtures that every test may use."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

REPOSITORY = Path(__file__).parent.parent


@pytest.fixture(autouse=True, scope="session")
def _few_threads() -> None:
    """Tests run side by side; on tiny images more threads only wait for each other."""
    torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def _own_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test has its own run store, caches and data, and leaves the user's alone."""
    for name in [name for name in os.environ if name.startswith(("MLFLOW_", "MSL_")) and name != "MSL_TEST_DATA"]:
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
