"""The true status of runs, and which of those in progress are dead."""

from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest
from click.testing import CliRunner
from mlflow.tracking import MlflowClient

from analysis import open_store
from analysis.__main__ import main
from analysis.store.life import dead_since

NOW = datetime(2026, 1, 2, 12, 0, tzinfo=UTC)


def ago(seconds, now=NOW):
    return (now - timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")


@pytest.mark.parametrize(
    ("status", "said", "shown"),
    [
        ("FAILED", "KILLED", "KILLED"),  # `mlflow run` overwrites it
        ("FINISHED", None, "FINISHED"),
        ("FAILED", None, "FAILED"),  # an old run
        ("RUNNING", "KILLED", "RUNNING"),  # resumed by an older msl
        ("FINISHED", "nonsense", "FINISHED"),
    ],
)
def test_a_run_that_has_ended_says_itself_how(store, status, said, shown):
    client = MlflowClient()
    run_id = client.create_run("0", tags={} if said is None else {"msl.status": said}).info.run_id
    client.create_run("0")
    client.update_run(run_id, status=status)
    runs = open_store(store).runs().set_index("run_id")
    assert runs["status"][run_id] == shown
    assert len(open_store(store).runs(filter={"status": shown})) == 1 + (shown == "RUNNING")


def test_a_run_without_a_sign_for_ten_minutes_is_dead():
    rows = [
        ("fresh", "RUNNING", ago(500), None, False),
        ("silent", "RUNNING", ago(700), None, True),
        ("waits for its child", "RUNNING", ago(9000), None, False),
        ("child", "RUNNING", ago(20), "waits for its child", False),
        ("over", "FINISHED", ago(9000), None, False),
        ("of another program", "RUNNING", None, None, False),
        ("odd", "RUNNING", "yesterday", None, False),
    ]
    frame = pd.DataFrame(rows, columns=["run_id", "status", "msl.heartbeat", "mlflow.parentRunId", "is_dead"])
    since = dead_since(frame, NOW)
    assert since.notna().tolist() == frame["is_dead"].tolist()
    assert since[1] == NOW - timedelta(seconds=700)
    assert dead_since(frame[["run_id", "status"]], NOW).isna().all()


def test_the_list_of_runs_says_it_without_a_change(store):
    client, now = MlflowClient(), datetime.now(UTC)
    dead = client.create_run("0", tags={"msl.heartbeat": ago(3600, now)}).info.run_id
    alive = client.create_run("0", tags={"msl.heartbeat": ago(10, now)}).info.run_id
    output = CliRunner().invoke(main, ["runs", "--store", store]).output.splitlines()
    status = {line.split()[0]: line.split()[1] for line in output if line.startswith((dead, alive))}
    assert status == {dead: "dead", alive: "RUNNING"}
    (note,) = [line for line in output if "no sign of life since" in line]
    assert note.startswith(f"run {dead}: ")
    assert note.endswith(f"UTC; resume={dead} continues it")
    assert client.get_run(dead).info.status == "RUNNING"
