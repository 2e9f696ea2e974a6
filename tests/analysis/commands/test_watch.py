"""What is said of runs in progress, and that it goes on until one stops watching."""

import contextlib
import os
import pty
import signal
import sqlite3
import subprocess
import sys
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial

import pytest
from click.testing import CliRunner
from conftest import REPOSITORY
from mlflow.entities import Metric, Param, RunTag
from mlflow.tracking import MlflowClient

from analysis import open_store
from analysis.__main__ import main
from analysis.commands.progress import progress_table
from analysis.commands.watch import fitting, views
from analysis.errors import AnalysisError
from analysis.store import database

NASTY = "a'b\" 100% <b>\n\x1b[2J\u202e"
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
BUDGET = {"round_num": 5, "epoch_each_round": 2, "epoch_iters": 100}


def before(seconds):
    return int((NOW.timestamp() - seconds) * 1000)


def begin(group, metrics, start=1, **tags):
    """A run in progress; metrics as {name: [(step, value, seconds before now)]}."""
    client = MlflowClient()
    experiment = client.get_experiment_by_name("exp")
    place = experiment.experiment_id if experiment else client.create_experiment("exp")
    run_id = client.create_run(place, start, {"msl.group": group, "msl.stage": "adapt"}).info.run_id
    rows = [Metric(name, value, before(ago), step) for name, points in metrics.items() for step, value, ago in points]
    params = [Param(f"cfg.{name}", str(value)) for name, value in {"seed": 7, **BUDGET}.items()]
    client.log_batch(run_id, rows, params, [RunTag(name, value) for name, value in tags.items()])
    return run_id


def seen(store, experiment=None):
    """Each row as texts, by column, and the footnotes."""
    table = progress_table(open_store(store), experiment, NOW)
    names = [column.heading for column in table.columns]
    return [dict(zip(names, (cell.text for cell in row), strict=True)) for row in table.rows], table.notes


def test_where_a_run_is(store, add_run):
    losses = {"loss/source": [(50, 1.0, 60), (100, 0.5, 40)], "loss/target": [(100, -0.01, 40)]}
    stale = {"loss/source_aux": [(50, 9.0, 60)]}  # no longer trained
    others = {"target/mIoU": [(100, 31.256, 30)], "speed/images_per_s": [(100, 12.5, 40)]}
    run_id = begin("a group", losses | stale | others)
    add_run("over", 0, {"target/mIoU": 1.0})
    (row,), notes = seen(store, "exp")
    assert row == {
        **{"run": run_id[:8], "stage": "adapt", "seed": "7", "iteration": "100", "of": "1000", "loss": "0.49"},
        **{"target mIoU": "31.26", "images/s": "12.50", "last sign": "30 s", "experiment": "exp", "group": "a group"},
    }
    assert notes == ()


def test_what_a_run_has_not_told_yet_is_a_dash(store):
    client = MlflowClient()
    client.create_run("0")  # somebody else's: passed over
    client.create_run("0", tags={"msl.stage": "adapt"})
    (row,), _ = seen(store)
    assert [row[name] for name in ("iteration", "of", "loss", "target mIoU", "images/s", "last sign")] == ["–"] * 6
    assert (row["stage"], row["group"], row["experiment"]) == ("adapt", "", "Default")


def test_a_heartbeat_is_a_sign_and_silence_has_a_footnote(store):
    beat = datetime.fromtimestamp(NOW.timestamp() - 90, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    begin("beats", {"lr": [(1, 1.0, 5000)]}, 1, **{"msl.heartbeat": beat})
    begin("silent", {"lr": [(1, 1.0, 7300)]}, 2)
    begin("ahead", {"lr": [(1, 1.0, -50)]}, 3)  # its clock is
    rows, notes = seen(store)
    assert [row["last sign"] for row in rows] == ["1 min", "2 h", "0 s"]
    assert len(notes) == 1
    assert notes[0].startswith("dead: no sign of life for ten minutes")


def test_one_that_waits_for_its_child_is_not_silent(store):
    parent = begin("adapt", {"lr": [(1, 1.0, 5000)]}, 1)
    begin("pretrain", {"lr": [(1, 1.0, 5)]}, 2, **{"mlflow.parentRunId": parent})
    rows, notes = seen(store)
    assert [row["last sign"] for row in rows] == ["5 s", "5 s"]
    assert notes == ()


def test_a_resumed_run_is_where_it_trains_now(store):
    """MLflow goes on calling the rows before the resume the latest, until their steps are reached again."""
    curve = [(500, 1.0, 9000), (700, 2.0, 8000), (510, 3.0, 20)]
    metrics = {"loss/source": curve, "target/mIoU": [(700, 40.0, 8000)], "attempt": [(500, 2.0, 100)]}
    begin("again", metrics)
    (row,), _ = seen(store)
    assert [row[name] for name in ("iteration", "loss", "target mIoU", "last sign")] == ["510", "3", "–", "20 s"]


def test_nothing_under_way_and_no_such_experiment(store, add_run):
    add_run("over", 0)
    table = progress_table(open_store(store), "exp", NOW)
    assert (table.caption, table.rows) == ("no runs in progress, 03:04:05 UTC", ())
    with pytest.raises(AnalysisError, match="no experiment 'exq' in this store; nearest: exp"):
        progress_table(open_store(store), "exq", NOW)


def test_a_store_that_fails_later_is_asked_again(store):
    begin("g", {"lr": [(1, 1.0, 5)]})
    successive = views(database.DatabaseStore(f"{store}?timeout=0.1"), None, 0)
    first = next(successive)
    with contextlib.closing(sqlite3.connect(store.removeprefix("sqlite:///"))) as connection:
        connection.execute("begin exclusive")
        error, _, rest = next(successive).partition("\n\n")
        assert "another process is writing to the database" in error
        assert "; asked again every 0 s" in error
        assert rest == first
    assert next(successive).startswith("1 run in progress")


def test_what_a_terminal_holds():
    assert fitting("one\ntwo\nthree", 5, 4) == ["one", "two", "three"]
    assert fitting("one\ntwo\nthree", 4, 3) == ["one", "…"]
    assert fitting("one\ntwo\nthree", 4, 9) == ["one", "two", "thr…"]


def test_once(store):
    begin(NASTY, {"lr": [(1, 1.0, 5)]})
    result = CliRunner().invoke(main, ["watch", "--once"])
    assert result.exit_code == 0
    assert result.output.startswith("1 run in progress")
    assert "a'b\" 100% <b>\\n\\x1b[2J\\u202e" in result.output
    assert "\x1b" not in result.output
    bad = CliRunner().invoke(main, ["watch", "--once", "--experiment", "\x1b[2J"])
    assert (bad.exit_code, "\x1b" in bad.output) == (1, False)


def test_on_a_terminal_until_it_is_interrupted(store):
    begin(NASTY, {"lr": [(1, 1.0, 5)]})
    screen, terminal = pty.openpty()
    command = [sys.executable, "-m", "analysis", "watch", "--every", "0.1"]
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY), "COLUMNS": "60", "LINES": "10"}
    # Tests that a shell starts in the background ignore SIGINT, and so would their children.
    hears = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    watching = subprocess.Popen(command, env=environment, stdout=terminal, stderr=subprocess.PIPE, preexec_fn=hears)
    os.close(terminal)
    drawn = b""
    while drawn.count(b"\x1b[H") < 4:  # three are then whole
        drawn += os.read(screen, 10_000)  # which fails when nobody writes any more
    watching.send_signal(signal.SIGINT)
    with suppress(OSError):  # when nobody writes any more; until then a full terminal would hold the program back
        while os.read(screen, 10_000):
            pass
    complaint = watching.communicate(timeout=30)[1]
    os.close(screen)
    assert (watching.returncode, complaint) == (0, b"")
    text = drawn.decode(errors="ignore")
    assert text.count("run in progress") >= 3
    assert max(len(line) for line in text.rpartition("\x1b[H")[2].replace("\x1b[K", "").splitlines()) <= 60
