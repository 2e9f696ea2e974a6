import time

import pytest
from click.testing import CliRunner
from mlflow.tracking import MlflowClient

from entrypoints import clean as clean_command
from msl import schema
from msl.errors import ServiceError
from msl.service.retention import clean, survey
from msl.service.settings import CleanConfig

LONG_AGO = int(time.time() * 1000) - 30 * 86_400_000
SCORE = "last/target/mIoU"
ANY_AGE = CleanConfig(older_than_days=0)


def silent(line):
    pass


@pytest.fixture
def client(store, tmp_path):
    return MlflowClient(store)


def add(client, name, group="adapt", score=None, ended=LONG_AGO, status="FINISHED", **tags):
    """A run with files of 1000, 200 and 30 bytes; its name is its group's and its own."""
    named = {schema.STAGE: "adapt", schema.GROUP: group} | {f"msl.{key}": value for key, value in tags.items()}
    run_id = client.create_run("0", run_name=name, tags=named).info.run_id
    if score is not None:
        client.log_metric(run_id, SCORE, score)
    for path, size in {"checkpoints/last.pt": 1000, "panels/a/1.png": 200, "evaluation/per_class.csv": 30}.items():
        client.log_text(run_id, "x" * size, path)
    client.set_terminated(run_id, status, end_time=ended) if status != "RUNNING" else None
    return run_id


def fates(client, config=ANY_AGE):
    return {holding.run.info.run_name: holding.keep_reason for holding in survey(client, config)}


def paths(client, run_id):
    return {file.path for file in client.list_artifacts(run_id)}


def test_the_best_and_the_last_of_a_group_stay(client):
    for name, score, ended in (("a", 30.0, 1), ("b", 50.0, 2), ("c", 40.0, 3), ("d", None, 4)):
        add(client, name, score=score, ended=ended)
    add(client, "alone", group="pretrain", score=1.0, ended=0)
    assert fates(client) == {
        "a": None,
        "b": "best of its group",
        "c": None,
        "d": "last of its group",
        "alone": "last of its group",
    }


def test_what_else_stays(client):
    root = add(client, "root", group="p", ended=1)
    parent = add(client, "parent", group="p", ended=2, parent=root)
    add(client, "unused", group="p", ended=3)
    add(client, "newest", group="p", ended=4)
    add(client, "child", group="c", parent=parent)
    add(client, "kept", group="x", ended=1, keep="")
    add(client, "failed", group="x", ended=2, status="FAILED")
    add(client, "running", group="x", status="RUNNING")
    add(client, "lately", group="x", ended=int(time.time() * 1000), status="KILLED")
    run_fates = fates(client, CleanConfig(older_than_days=7))
    assert run_fates == {
        "root": "a run that stays started from it",
        "parent": "a run that stays started from it",
        "unused": None,
        "newest": "last of its group",
        "child": "last of its group",
        "kept": "tagged msl.keep",
        "failed": None,
        "running": "still running",
        "lately": "ended a short time ago",
    }


def test_runs_of_others_stay(client):
    run_id = client.create_run("0", run_name="not ours").info.run_id
    client.set_terminated(run_id, end_time=1)
    assert fates(client) == {"not ours": "not a run of msl"}


def test_sizes(client):
    add(client, "a")
    (holding,) = survey(client, ANY_AGE)
    assert holding.sizes == {"checkpoints": 1000, "panels": 200, "other files": 30}
    assert holding.removable == 0


def test_nothing_goes_without_the_word(client):
    old, new = add(client, "old", ended=1), add(client, "new", ended=2)
    said = []
    assert clean(client, ANY_AGE, said.append) == 1200
    assert said[0] == "2 runs: checkpoints 0.0 MiB, panels 0.0 MiB, other files 0.0 MiB"
    assert said[-1] == "0.0 MiB of 1 runs may be deleted; --delete does it"
    assert paths(client, old) == paths(client, new) == {"checkpoints", "panels", "evaluation"}


def test_what_is_listed_goes_and_rows_stay(client):
    old, new = add(client, "old", ended=1, score=20.0), add(client, "new", ended=2, score=30.0)
    said = []
    assert clean(client, ANY_AGE.model_copy(update={"delete": True}), said.append) == 1200
    assert said[-1] == "0.0 MiB of 1 runs are deleted; their parameters and metrics stay"
    assert paths(client, old) == {"evaluation"}
    assert paths(client, new) == {"checkpoints", "panels", "evaluation"}
    cleaned = client.get_run(old).data
    assert cleaned.metrics == {SCORE: 20.0}
    assert cleaned.tags[schema.CLEANED].startswith("20")
    assert clean(client, ANY_AGE.model_copy(update={"delete": True}), said.append) == 0
    assert said[-1] == "there is nothing to delete"


def test_the_command_looks_at_one_experiment(client, store):
    add(client, "old", ended=1)
    add(client, "new", ended=2)
    client.create_experiment("other")
    plain = CliRunner().invoke(clean_command.main, ["--experiment", "other"])
    assert (plain.exit_code, "0 runs: " in plain.output) == (0, True)
    full = CliRunner().invoke(clean_command.main, ["--experiment", "Default"])
    assert "; 0.0 MiB may be deleted\n" in full.output
    assert "stays: last of its group" in full.output


def test_an_experiment_that_is_not_there(client):
    with pytest.raises(ServiceError, match="experiment = absent: no experiment has that name"):
        clean(client, CleanConfig(experiment="absent"), silent)


@pytest.mark.xdist_group("service")
def test_through_a_server(service, admin):
    """Files that only the server can reach; the run store's owner is not asked."""
    old, new = add(admin, "old", ended=1), add(admin, "new", ended=2)
    clean(admin, CleanConfig(experiment="Default", older_than_days=0, delete=True), silent)
    assert paths(admin, old) == {"evaluation"}
    assert paths(admin, new) == {"checkpoints", "panels", "evaluation"}
    assert not list(service.folder.glob(f"mlartifacts/*/{old}/artifacts/checkpoints/*"))
