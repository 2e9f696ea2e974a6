"""Processes that open an empty store at the same moment."""

import signal
import sqlite3
import subprocess
import sys
from contextlib import closing

import pytest
from conftest import REPOSITORY
from mlflow.tracking import MlflowClient
from running import postgresql, running

from analysis import open_store
from analysis.store.export import export
from msl.errors import TrackingError
from msl.tracking import connect

# Processes that have loaded MLflow already, so that they truly open the store at the same moment.
OPEN = """
import os, sys
from msl.tracking import connect, open_run
ready, go = os.pipe()
children = []
for _ in range(int(sys.argv[1])):
    if not (child := os.fork()):
        os.close(go)
        os.read(ready, 1)  # until the parent closes it
        open_run(connect(), 'mine', {})
        sys.stderr.flush()
        os._exit(0)
    children.append(child)
os.close(go)
sys.exit(sum(os.waitpid(child, 0)[1] != 0 for child in children))
"""


def test_many_begin_at_once_on_an_empty_postgresql(monkeypatch):
    with postgresql() as database:
        store = database.new("empty")
        begin(20, store, monkeypatch)


def test_a_link_to_a_file_that_does_not_exist_stays_a_link(tmp_path, monkeypatch):
    (tmp_path / "disk").mkdir()
    (tmp_path / "mlflow.db").symlink_to(tmp_path / "disk/runs.db")
    begin(1, f"sqlite:///{tmp_path / 'mlflow.db'}", monkeypatch)
    assert (tmp_path / "mlflow.db").is_symlink()
    assert (tmp_path / "disk/runs.db").is_file()


@pytest.mark.parametrize("file", ["new.db", "new folder/below/new.db"])
def test_many_begin_at_once_on_a_file_that_does_not_exist(file, tmp_path, monkeypatch):
    begin(6, f"sqlite:///{tmp_path / file}", monkeypatch)


TAKES_THE_LOCK = """
import fcntl, sys
from msl.tracking import connect
flock = fcntl.flock
def heard(*arguments):
    print("mlflow.store.tracking.sqlalchemy_store" in sys.modules)
    flock(*arguments)
fcntl.flock = heard
connect()
"""


def test_nobody_waits_while_another_process_imports_mlflow(tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'mlflow.db'}")
    command = [sys.executable, "-c", TAKES_THE_LOCK]
    output = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True).stdout
    assert output.splitlines()[0] == "True"


def test_the_tables_of_an_older_mlflow_are_left_as_they_are(tmp_path, monkeypatch):
    """A newer MLflow that has more tables would change them unasked."""
    file = tmp_path / "mlflow.db"
    begin(1, f"sqlite:///{file}", monkeypatch)
    with closing(sqlite3.connect(file)) as database, database:
        database.execute("drop table webhook_events")
        database.execute("update alembic_version set version_num = '0584bdc529eb'")
    before = file.read_bytes()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{file}")
    with pytest.raises(TrackingError, match=r"an older MLflow \(revision 0584bdc529eb, .* `mlflow db upgrade sqlite:"):
        connect()
    assert file.read_bytes() == before


KILLED = """
import os, signal
from mlflow.store.db import utils
from msl.tracking import connect
utils._upgrade_db = lambda engine: os.kill(os.getpid(), signal.SIGKILL)  # after the first tables
connect()
"""


def test_a_process_that_is_killed_while_it_makes_the_tables_leaves_no_half_of_them(tmp_path, monkeypatch):
    store = f"sqlite:///{tmp_path / 'new.db'}"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", store)
    monkeypatch.setenv("PYTHONPATH", str(REPOSITORY))
    killed = subprocess.run([sys.executable, "-c", KILLED], capture_output=True, text=True, timeout=120)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert not (tmp_path / "new.db").exists()
    begin(1, store, monkeypatch)
    assert not list(tmp_path.glob(".new*"))


def begin(processes, store, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", store)
    monkeypatch.setenv("PYTHONPATH", str(REPOSITORY))
    done = subprocess.run([sys.executable, "-c", OPEN, str(processes)], capture_output=True, text=True, timeout=400)
    assert done.returncode == 0, done.stderr
    assert len(MlflowClient(store).search_runs(["0"])) == processes


def test_a_stage_an_import_and_a_service_begin_at_once(tmp_path, monkeypatch):
    other = f"sqlite:///{tmp_path / 'other.db'}"
    client = MlflowClient(other)
    client.create_run(client.create_experiment("theirs"))
    export(open_store(other), "theirs", tmp_path / "exported")
    store = f"sqlite:///{tmp_path / 'mlflow.db'}"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", store)
    monkeypatch.setenv("PYTHONPATH", str(REPOSITORY))
    commands = [["-c", "from msl.tracking import connect, open_run; open_run(connect(), 'mine', {})"]]
    commands.append(["-m", "analysis", "import", str(tmp_path / "exported")])
    processes = [subprocess.Popen([sys.executable, *rest], stderr=subprocess.PIPE, text=True) for rest in commands]
    with running(tmp_path):
        errors = [process.communicate(timeout=300)[1] for process in processes]
    assert [process.returncode for process in processes] == [0, 0], "\n".join(errors)
    names = {experiment.name for experiment in MlflowClient(store).search_experiments()}
    assert names == {"Default", "theirs"}


def test_the_command_makes_the_tables(tmp_path, monkeypatch):
    store = f"sqlite:///{tmp_path / 'new.db'}"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", store)
    monkeypatch.setenv("PYTHONPATH", str(REPOSITORY))
    done = subprocess.run([sys.executable, "-m", "entrypoints.prepare_store"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("the run store has its tables")
    assert (tmp_path / "new.db").stat().st_size > 100_000
    assert [path.name for path in tmp_path.iterdir() if "lock" in path.name] == []
