"""Files that other processes write and remove while msl looks at their folder."""

import errno
import os
import re
import shutil
import sqlite3
import stat
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from functools import partial
from pathlib import Path

import pytest
from mlflow.tracking import MlflowClient
from tiny import request

from msl import schema
from msl.files import files_below, temporary_files
from msl.folder_lock import alone
from msl.inputs.makers import making
from msl.models import threads
from msl.runs.requests import drop_request, newest_like, save_request, saved_request
from msl.service import counts
from msl.service.files import FolderFiles
from msl.service.retention import survey
from msl.service.settings import CleanConfig, StorageConfig
from msl.service.storage import make_private, resolve
from msl.tracking import connect, open_run, run_folder, work_folder
from msl.tracking import sync as sync_module
from msl.tracking.journal import Journal
from msl.tracking.sync import sync

LOOK_S = 1.0  # without the mends, each test that takes turns failed in it


@contextmanager
def meanwhile(change: Callable[[], None]) -> Iterator[Iterator[None]]:
    """Another thread does something again and again; gives the turns in which to look at what it does."""
    is_over = threading.Event()

    def repeat() -> None:
        while not is_over.is_set():
            change()

    def turns() -> Iterator[None]:
        end = time.monotonic() + LOOK_S
        while time.monotonic() < end:
            yield

    other = threading.Thread(target=repeat)
    other.start()
    try:
        yield turns()
    finally:
        is_over.set()
        other.join()


def come_and_go(root):
    files = [root / f"{number}/deep/.b.2.tmp" for number in range(8)]
    for file in files:
        file.parent.mkdir(parents=True)
        file.write_text("")
    for file in files:
        shutil.rmtree(file.parents[1])


@pytest.mark.parametrize("walk", [files_below, temporary_files, lambda folder: map(Path, FolderFiles(folder).marks())])
def test_a_folder_whose_files_vanish_is_walked(tmp_path, walk):
    stays = tmp_path / "folder/.a.1.tmp.png"
    stays.parent.mkdir()
    stays.write_text("")
    with meanwhile(partial(come_and_go, tmp_path)) as turns:
        for _ in turns:
            assert stays.name in {path.name for path in walk(tmp_path)}


def test_a_disk_that_fails_is_told(tmp_path, monkeypatch):
    """A backup without the files of a folder that cannot be listed would be none. No disk here fails, so it is said."""

    def fail(path):
        raise OSError(errno.EIO, os.strerror(errno.EIO), path)

    monkeypatch.setattr(os, "scandir", fail)
    with pytest.raises(OSError, match=re.escape(os.strerror(errno.EIO))):
        FolderFiles(tmp_path).marks()


def test_a_service_starts_while_a_run_writes_to_its_database(tmp_path):
    storage = resolve(StorageConfig(folder=tmp_path))
    database = tmp_path / "mlflow.db"
    (tmp_path / ".msl/service/credentials").write_text("")

    def commit():
        with closing(sqlite3.connect(database)) as connection:
            connection.execute("CREATE TABLE IF NOT EXISTS t (x)")
            connection.execute("INSERT INTO t VALUES (1)")
            connection.commit()

    commit()
    with meanwhile(commit) as turns:  # SQLite's own journal comes and goes with every transaction
        for _ in turns:
            make_private(storage)
    private = [database, storage.private, storage.private / "credentials"]
    assert [stat.S_IMODE(path.stat().st_mode) for path in private] == [0o600, 0o700, 0o600]


def test_a_service_starts_while_processes_of_the_last_one_still_count(tmp_path):
    def count():
        (tmp_path / "1.part").write_text("{}")
        with suppress(FileNotFoundError):
            (tmp_path / "1.part").replace(tmp_path / "1.json")

    with meanwhile(count) as turns:
        for _ in turns:
            counts.empty(tmp_path)


def test_sizes_are_listed_again_where_a_run_has_replaced_a_checkpoint(store, monkeypatch):
    client = MlflowClient()
    run_id = client.create_run("0").info.run_id
    client.log_text(run_id, "text", "checkpoints/last.pt")
    list_artifacts, losses = client.list_artifacts, [FileNotFoundError("last.next.pt")]

    def listed(*arguments):
        if losses:
            raise losses.pop()
        return list_artifacts(*arguments)

    monkeypatch.setattr(client, "list_artifacts", listed)
    (holding,) = survey(client, CleanConfig())
    assert sum(holding.sizes.values()) == len("text")


@pytest.mark.usefixtures("tiny_store")
def test_a_run_looks_for_one_like_it_while_others_begin():
    wanted = request("pretrain")
    folders = [work_folder() / f"{number:032d}" for number in range(8)]
    for folder in folders:
        folder.mkdir(parents=True)

    def begin():
        for folder in folders:
            save_request(wanted, folder)
        for folder in folders:
            drop_request(folder)  # described

    client = connect()
    run_id = open_run(client, "interrupted", {}).run_id
    with pytest.raises(RuntimeError), run_folder(run_id) as folder:
        save_request(wanted, folder)
        raise RuntimeError
    with meanwhile(begin) as turns:
        for _ in turns:
            assert newest_like(client, wanted) == run_id
            saved = saved_request(folders[0].name)
            assert saved is None or saved.stage == "pretrain"


def test_a_run_that_enters_while_others_count_is_seen(tmp_path, monkeypatch):
    """How many threads a run takes depends on it, and so do its sums."""
    monkeypatch.setattr(threads, "_folder", lambda: tmp_path)
    entries = []
    monkeypatch.setattr(threads, "_RUNS", entries)
    with meanwhile(partial(threads.running, tmp_path)) as turns:
        for _ in turns:
            entries.clear()
            threads.enter()
            (entry,) = entries
            assert [path.stat().st_ino for path in tmp_path.iterdir()] == [os.fstat(entry).st_ino]
            os.close(entry)


def test_a_run_that_stands_still_while_it_counts_holds_up_nobody(tmp_path):
    with alone(tmp_path):  # as one that was stopped there
        assert threads.running(tmp_path) == 1
        began_s = time.monotonic()
        with alone(tmp_path, patience_s=0.1):
            assert time.monotonic() - began_s > 0.1


def test_a_process_that_joins_the_makers_of_a_copy_is_seen(tmp_path):
    with making(tmp_path, "first") as first, meanwhile(first.others) as turns:
        for _ in turns:
            with making(tmp_path, "second"):
                assert any(maker.startswith("run second ") for maker in first.others())


@pytest.mark.usefixtures("tiny_store")
@pytest.mark.parametrize("is_in_use", [True, False])
def test_a_sync_meets_a_run_that_ends(monkeypatch, is_in_use):
    """Its process removes its folder as soon as everything is sent; where no process runs, a lost file is told."""
    client, sending_lock = connect(), sync_module.sending_lock
    run_id = open_run(client, "ends", {}).run_id

    def lock_late(journal, wait):
        shutil.rmtree(journal)
        return sending_lock(journal, wait)

    monkeypatch.setattr(sync_module, "sending_lock", lock_late)
    with pytest.raises(RuntimeError), run_folder(run_id) as folder:
        Journal(folder / schema.JOURNAL_FOLDER).append({"kind": "start", "attempt": 1, "cut": 0})
        if is_in_use:
            assert list(sync(client)) == []
        raise RuntimeError
    if not is_in_use:
        with pytest.raises(FileNotFoundError):
            list(sync(client))
