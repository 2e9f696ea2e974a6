"""Processes that open an empty store at the same moment."""

import subprocess
import sys

import pytest
from conftest import REPOSITORY
from mlflow.tracking import MlflowClient
from running import postgresql

PROCESSES = 6
OPEN = "from msl.tracking import connect, open_run; open_run(connect(), 'mine', {})"


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_store(request, tmp_path):
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'new.db'}"
    else:
        with postgresql() as database:
            yield database.new("empty")


def test_six_runs_begin_at_once_on_an_empty_store(empty_store, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", empty_store)
    monkeypatch.setenv("PYTHONPATH", str(REPOSITORY))
    command = [sys.executable, "-c", OPEN]
    processes = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(PROCESSES)]
    errors = [process.communicate(timeout=300)[1] for process in processes]
    assert [process.returncode for process in processes] == [0] * PROCESSES, "\n".join(errors)
    assert len(MlflowClient(empty_store).search_runs(["0"])) == PROCESSES


def test_the_command_makes_the_tables(tmp_path, monkeypatch):
    store = f"sqlite:///{tmp_path / 'new.db'}"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", store)
    monkeypatch.setenv("PYTHONPATH", str(REPOSITORY))
    done = subprocess.run([sys.executable, "-m", "entrypoints.prepare_store"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("the run store has its tables")
    assert (tmp_path / "new.db").stat().st_size > 100_000
    assert [path.name for path in tmp_path.iterdir() if "lock" in path.name] == []
