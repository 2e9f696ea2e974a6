"""A copy of an experiment is whole: data sets, models, notes and settings come along, and name the copy's own runs."""

import json
import shutil
import sqlite3
from pathlib import Path

import pytest
from click.testing import CliRunner
from mlflow.entities import Dataset, DatasetInput, InputTag, LoggedModelOutput
from mlflow.tracking import MlflowClient

from analysis import open_store
from analysis.__main__ import main
from analysis.store.export import export
from analysis.store.ids import NewIds
from analysis.store.load import load

SETS = [("gta5", "d1", "source"), ("cityscapes", "d2", "target")]
ID = "0123456789abcdef" * 2


@pytest.fixture
def network(store, add_run, tmp_path):
    """A parent and the network trained from it, with everything that a stage records: the IDs of both."""
    client = MlflowClient()
    parent = add_run("pretrain", 0, {"target/mIoU": [(1, 30.0, 5)], "last/target/mIoU": 30.0})
    run_id = add_run("adapt", 0, {"last/target/mIoU": 33.0}, checkpoint=f"runs:/{parent}/checkpoints/last.pt")
    experiment = client.get_run(run_id).info.experiment_id
    page = f"#/experiments/{experiment}/runs/{parent}"
    client.set_tag(run_id, "msl.parent", parent)
    client.set_tag(run_id, "mlflow.note.content", f"From [run {parent[:8]}]({page}). `resume={run_id}`")
    client.log_text(run_id, json.dumps({"checkpoint": f"runs:/{parent}"}), "config.json")
    sets = [
        DatasetInput(Dataset(name, digest, "local", '{"uri": "/data"}', '{"a": 1}', '{"rows": 2}'), [InputTag(*role)])
        for name, digest, role in ((n, d, ("mlflow.data.context", r)) for n, d, r in SETS)
    ]
    client.log_inputs(run_id, sets)
    model = client.create_logged_model(experiment, "model", run_id, {"msl.checkpoint": f"runs:/{run_id}"}, {"lr": "1"})
    (tmp_path / "MLmodel").write_text(f"run_id: {run_id}\nmodel_id: {model.model_id}\n")
    client.log_model_artifact(model.model_id, str(tmp_path / "MLmodel"))
    client.finalize_logged_model(model.model_id, "READY")
    client.log_outputs(run_id, [LoggedModelOutput(model.model_id, 7)])
    client.create_registered_model("net")
    version = client.create_model_version("net", f"models:/{model.model_id}", run_id, model_id=model.model_id)
    client.set_registered_model_alias("net", "champion", version.version)
    client.set_tag(run_id, "msl.model", f"models:/{model.model_id}")
    return parent, run_id


@pytest.fixture
def empty(network, tmp_path):
    """A second store, without runs."""
    path = shutil.copy(tmp_path / "mlflow.db", tmp_path / "other.db")
    with sqlite3.connect(path) as connection:
        tables = [name for (name,) in connection.execute("select name from sqlite_master where type = 'table'")]
        for table in set(tables) - {"alembic_version", "experiments", "workspaces"}:
            connection.execute(f"delete from {table}")
        connection.execute("delete from experiments where name = 'exp'")
        connection.execute("update experiments set artifact_location = ?", (str(tmp_path / "files"),))
    return f"sqlite:///{path}"


def described(entry):
    data = entry.dataset
    return data.name, data.digest, data.source_type, data.source, data.schema, data.profile, entry.tags[0].value


def test_everything_comes_along_and_names_the_copy(network, store, empty, tmp_path):
    export(open_store(store), "exp", tmp_path / "out", store)
    client = MlflowClient(empty)
    client.create_experiment("another")  # so that IDs of experiments differ
    new = load(tmp_path / "out", empty)
    parent, run_id = (new[old] for old in network)
    origin, run = MlflowClient(store).get_run(network[1]), client.get_run(run_id)
    tags = run.data.tags
    page = f"#/experiments/{run.info.experiment_id}/runs/{parent}"
    assert tags["mlflow.note.content"] == f"From [run {parent[:8]}]({page}). `resume={run_id}`"
    assert run.data.params["cfg.checkpoint"] == f"runs:/{parent}/checkpoints/last.pt"
    config = client.download_artifacts(run_id, "config.json", str(tmp_path))
    assert json.loads(Path(config).read_text()) == {"checkpoint": f"runs:/{parent}"}
    times = [(info.start_time, info.end_time, info.status) for info in (origin.info, run.info)]
    assert times[0] == times[1]
    inputs = [sorted(map(described, of_run.inputs.dataset_inputs)) for of_run in (origin, run)]
    assert inputs[0] == inputs[1]
    assert [entry[0] for entry in inputs[1]] == ["cityscapes", "gta5"]

    (model,) = client.search_logged_models([run.info.experiment_id])
    assert (model.name, model.source_run_id, model.params, str(model.status)) == ("model", run_id, {"lr": "1"}, "READY")
    assert model.tags["msl.checkpoint"] == f"runs:/{run_id}"
    assert tags["msl.model"] == f"models:/{model.model_id}"
    assert (
        Path(model.artifact_location.removeprefix("file://")) / "MLmodel"
    ).read_text() == f"run_id: {run_id}\nmodel_id: {model.model_id}\n"
    assert [(output.model_id, output.step) for output in run.outputs.model_outputs] == [(model.model_id, 7)]
    version = client.get_model_version_by_alias("net", "champion")
    assert (version.run_id, version.source) == (run_id, f"models:/{model.model_id}")

    old = [value for entity in (run.data, model) for name, value in entity.tags.items() if name != "msl.imported"]
    assert not [value for value in (*old, *run.data.params.values()) for known in network if known in value]


def dump(uri):
    with sqlite3.connect(uri.removeprefix("sqlite:///")) as connection:
        return [line for line in connection.iterdump() if "last_updated" not in line]


def test_an_import_twice_adds_nothing_and_a_table_is_the_same(network, store, empty, tmp_path):
    export(open_store(store), "exp", tmp_path / "out", store)
    new = load(tmp_path / "out", empty)
    before = dump(empty)
    assert load(tmp_path / "out", empty) == new
    assert dump(empty) == before
    arguments = ["table", "--experiment", "exp", "--baseline", "pretrain", "--format", "csv", "--store"]
    first, second = (CliRunner().invoke(main, [*arguments, uri]) for uri in (store, empty))
    assert first.exit_code == 0
    assert first.output == second.output
    assert "33.0" in second.output


def test_a_copy_of_a_copy_and_older_exports(network, store, empty, tmp_path):
    export(open_store(store), "exp", tmp_path / "out")
    (tmp_path / "out" / "inputs.parquet").unlink()  # as older versions of msl wrote
    new = load(tmp_path / "out", empty)
    assert MlflowClient(empty).get_run(new[network[1]]).data.tags["msl.parent"] == new[network[0]]
    export(open_store(empty), "exp", tmp_path / "again")
    third = load(tmp_path / "again", empty, "third")
    assert MlflowClient(empty).get_run(third[new[network[1]]]).data.tags["msl.parent"] == third[new[network[0]]]


def test_only_known_ids_are_replaced():
    ids = NewIds("7", {ID: "f" * 32, f"m-{ID}": "m-" + "e" * 32}, {"models:/net/3": "models:/net/1"})
    other = "a" * 32
    assert (
        ids.rewritten(f"runs:/{ID}/x {other} m-{ID} m-{other}") == f"runs:/{'f' * 32}/x {other} m-{'e' * 32} m-{other}"
    )
    assert ids.rewritten(f"#/experiments/3/runs/{other}") == f"#/experiments/3/runs/{other}"
    assert ids.rewritten("models:/net/3 models:/net/31") == "models:/net/1 models:/net/31"
    assert ids.rewritten(f"x{ID} {ID}0") == f"x{ID} {ID}0"
