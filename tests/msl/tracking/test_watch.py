"""The watch never makes a database, and goes on with the one that comes back."""

import shutil
from pathlib import Path

import pytest
from mlflow.tracking import MlflowClient
from sqlalchemy.engine import URL, make_url

from msl.tracking import connect, open_run
from msl.tracking.watch import Watch, without_making_files


@pytest.fixture
def file(store):
    return Path(store.removeprefix("sqlite:///"))


def test_a_removed_file_is_not_made_again_and_the_watch_goes_on_when_it_is_back(file, store, caplog):
    watch = Watch(store)
    watch.look()
    away = file.rename(file.with_name("away.db"))
    caplog.clear()
    watch.look()
    Watch(store).look()
    assert not file.exists()
    assert sum("cannot be looked for at present" in record.message for record in caplog.records) == 2
    away.rename(file)
    caplog.clear()
    watch.look()
    assert not caplog.records


def test_a_replaced_file_is_looked_at(file, store):
    watch = Watch(store)
    watch.look()
    shutil.copyfile(file, file.with_name("other.db"))
    file.with_name("other.db").replace(file)
    client = connect()
    client._tracking_client.store.engine.dispose()
    run_id = open_run(client, "silent", {}).run_id
    watch.look()
    assert list(watch._reaper._seen) == [run_id]


def test_a_name_with_marks_of_addresses_is_the_same_file(file, tmp_path):
    other = tmp_path / "a b%20c#.db"
    shutil.copyfile(file, other)
    uri = without_making_files(URL.create("sqlite", database=str(other)).render_as_string())
    assert make_url(uri).database == f"file:{tmp_path}/a%20b%2520c%23.db"
    assert MlflowClient(uri).search_experiments()[0].name == "Default"
    assert without_making_files("postgresql://me@host/runs") == "postgresql://me@host/runs"
