"""Runs of other programs beside ours: whatever they log as MLflow allows, no command stops and no value changes."""

import json
import time

import pandas as pd
import pytest
from click.testing import CliRunner
from mlflow.entities import Metric, Param, RunTag
from mlflow.tracking import MlflowClient

from analysis import open_store
from analysis.__main__ import main
from analysis.errors import AnalysisError

pytestmark = pytest.mark.xdist_group("stores")

NOW_NS = time.time_ns()
OURS = {"msl.group": "g", "msl.stage": "adapt", "shared": "our tag"}
THEIRS = {"params": ["run_id", "name", "status", "start", "end", "experiment", "lr", "msl.group", "target/mIoU", "x"]}
THEIRS |= {"tags": ["cfg.seed", "lr", "run_id", "params.lr", "last/target/mIoU", "x"]}
THEIRS |= {"metrics": ["cfg.seed", "msl.stage", "status", "shared", "params.x", "x"]}


def our_run(client, experiment, seed):
    run_id = client.create_run(experiment, 1000, OURS, f"ours {seed}").info.run_id
    numbers = [Metric(name, 30.0 + seed, 1000 + s, s) for name in ("target/mIoU", "last/target/mIoU") for s in (1, 2)]
    numbers += [Metric("lr", rate, 1000, step) for step, rate in ((1, 0.5), (2, 0.25))]
    client.log_batch(run_id, numbers, [Param("cfg.seed", str(seed)), Param("lr", "recipe")])
    client.set_terminated(run_id, end_time=2000)
    return run_id


def foreign_run(client, experiment, end=True):
    """What MLflow accepts: any name in any kind, nanoseconds, any text, no end."""
    run_id = client.create_run(experiment, NOW_NS, {"mlflow.log-model.history": json.dumps([{"a": None}])}).info.run_id
    texts = ["", "null", "[1, 2]", "1e400", "\N{SNOWMAN}\n", "x" * 5000]
    metrics = [Metric(name, float("nan"), NOW_NS, 2**60) for name in THEIRS["metrics"]]
    params = [Param(name, texts[place % 5]) for place, name in enumerate(THEIRS["params"])]
    tags = [RunTag(name, texts[place % 6]) for place, name in enumerate(THEIRS["tags"])]
    client.log_batch(run_id, metrics, params, tags)
    if end:
        client.set_terminated(run_id, end_time=NOW_NS)
    else:
        client.update_run(run_id, status="FINISHED")
    return run_id


@pytest.fixture
def mixed(planted):
    """Three runs of msl, then two of others, in each store in turn: its URI, and what was read before they came."""
    client = MlflowClient(planted)
    experiment = client.create_experiment("mixed")
    ours = [our_run(client, experiment, seed) for seed in range(3)]
    before = open_store(planted).runs("mixed")
    theirs = [foreign_run(client, experiment, end) for end in (True, False)]
    yield planted, ours, theirs, before
    client.rename_experiment(experiment, f"mixed {time.time_ns()}")  # so that the next test makes its own
    client.delete_experiment(experiment)


def test_their_names_change_no_value_of_ours(mixed):
    uri, ours, theirs, before = mixed
    store = open_store(uri)
    runs = store.runs("mixed").set_index("run_id")
    assert set(runs.index) == {*ours, *theirs}
    assert runs.columns.is_unique
    after = runs.loc[before["run_id"]].reset_index()
    renamed = {"shared": "tags.shared"}  # which they log as a metric
    old = before.rename(columns=renamed)
    pd.testing.assert_frame_equal(after[list(old)], old)
    assert runs.loc[ours, "lr"].tolist() == [0.25] * 3
    assert runs.loc[ours, "params.lr"].tolist() == ["recipe"] * 3
    (finished, endless) = (runs.loc[run_id] for run_id in theirs)
    assert finished["start"] == finished["end"] == pd.Timestamp(NOW_NS // 10**6, unit="ms", tz="UTC")
    assert (endless["status"], pd.isna(endless["end"])) == ("FINISHED", True)
    assert (finished["params.run_id"], finished["params.name"]) == ("", "null")
    for kind, names in THEIRS.items():
        assert all(f"{kind}.{name}" in runs or name in runs for name in names), kind
    history = store.history(theirs)
    assert set(history["timestamp"]) == {finished["start"]}
    assert set(history["metric"]) == set(THEIRS["metrics"])

    pd.testing.assert_frame_equal(store.marked_runs("mixed").runs, before)
    assert store.marked_runs("mixed").passed_over == 2


def test_a_name_of_two_kinds_is_had_by_kind(mixed):
    uri, ours, _, _ = mixed
    store = open_store(uri)
    assert set(store.runs("mixed", {"tags.shared": "our tag"})["run_id"]) == set(ours)
    assert set(store.runs("mixed", {"params.cfg.seed": "1"})["run_id"]) == {ours[1]}
    assert set(store.runs("mixed", {"metrics.target/mIoU": 31.0})["run_id"]) == {ours[1]}
    with pytest.raises(AnalysisError, match=r"several kinds have the name 'x': write tags.x or params.x or metrics.x"):
        store.runs("mixed", {"x": "1"})
    with pytest.raises(AnalysisError, match="no column 'params.target/mIo'"):
        store.runs("mixed", {"params.target/mIo": "1"})
    named = store.runs("mixed", by_kind=True)
    assert {str(column).partition(".")[0] for column in named} == {
        *("run_id", "name", "experiment", "status", "start", "end"),
        *("params", "tags", "metrics"),
    }
    assert named.columns.is_unique
    assert named.set_index("run_id").loc[ours, "metrics.target/mIoU"].tolist() == [30.0, 31.0, 32.0]
    assert len(named.columns) == len(store.runs("mixed").columns)


COMMANDS = [
    ["runs"],
    ["runs", "--format", "csv"],
    ["watch", "--once"],
    ["table", "--baseline", "g"],
    ["claims"],
    ["curves", "--metrics", "target/mIoU", "--output", "f"],
    ["report", "--baseline", "g", "--output", "f.html"],
]


@pytest.mark.parametrize("arguments", COMMANDS, ids=lambda arguments: " ".join(arguments[:1]))
def test_a_command_looks_at_our_runs_only_and_says_so(store, arguments, tmp_path):
    client = MlflowClient()
    experiment = client.create_experiment("mixed")
    for seed in range(2):
        our_run(client, experiment, seed)
    client.update_run(client.create_run(experiment, 1000, OURS).info.run_id, status="FINISHED")  # without an end
    for end in (True, False):
        foreign_run(client, experiment, end)
    client.create_run(experiment, NOW_NS)
    result = CliRunner().invoke(main, [*arguments, "--experiment", "mixed"])
    assert result.exit_code == 0, (result.output, result.exception)
    told = result.output if arguments[0] != "report" else (tmp_path / "f.html").read_text()
    count = 1 if arguments[0] == "watch" else 3
    assert f"{count} run{'s'[: count - 1]} without the tags of msl passed over" in told
    assert "SNOWMAN" not in result.stdout


def test_others_alone_are_no_runs_of_msl(store):
    foreign_run(MlflowClient(), MlflowClient().create_experiment("others"))
    result = CliRunner().invoke(main, ["table", "--baseline", "g", "--experiment", "others"])
    assert (result.exit_code, "no run of msl here" in result.output) == (1, True)
