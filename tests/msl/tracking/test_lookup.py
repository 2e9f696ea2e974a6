"""A reference that is wrong is told with those that there are; nothing is downloaded, and no run is opened."""

import pytest
from click.testing import CliRunner
from mlflow.tracking import MlflowClient
from tiny import request, varied_checkpoint

from msl import schema
from msl.commands import find_command
from msl.config import EvaluateConfig, PackageConfig
from msl.errors import CheckpointError, ConfigError
from msl.inputs.early import check_request, check_resumed
from msl.runs import run as carry_out
from msl.serving import package
from msl.stages.evaluate import evaluate
from msl.tracking import check_reference


@pytest.fixture
def client(tiny_store):
    return MlflowClient()


@pytest.fixture
def run_id(client, tmp_path):
    """A trained run with both checkpoints."""
    run = new_run(client, "pretrain tiny", stage="pretrain")
    for name in ("best.pt", "last.pt"):
        client.log_artifact(run, varied_checkpoint(tmp_path / name), schema.CHECKPOINT_FOLDER)
    return run


def new_run(client, group, stage, status="FINISHED"):
    tags = {schema.STAGE: stage, schema.GROUP: group, schema.FINGERPRINT: "f" if stage == "pretrain" else ""}
    run = client.create_run("0", tags=tags).info.run_id
    client.set_terminated(run, status)
    return run


def told(reference):
    with pytest.raises(CheckpointError) as caught:
        check_reference(reference, "checkpoint")
    assert str(caught.value).startswith(f"checkpoint = {reference}: ")
    return str(caught.value)


def test_a_reference_that_is_right_passes(run_id):
    for path in ("", "/", "/checkpoints", "/checkpoints/best.pt"):
        check_reference(f"runs:/{run_id}{path}", "checkpoint")


def test_a_part_of_an_id_gets_the_whole_one(run_id):
    assert f"Did you mean runs:/{run_id} (pretrain tiny)?" in told(f"runs:/{run_id[:8]}")
    mistyped = f"{run_id[:-1]}{'0' if run_id[-1] != '0' else '1'}"
    assert f"Did you mean runs:/{run_id} (pretrain tiny)?" in told(f"runs:/{mistyped}/checkpoints/last.pt")


def test_an_unknown_run_gets_the_newest_with_checkpoints(client, run_id):
    new_run(client, "check tiny", stage="validate")
    message = told("runs:/UNKNOWN")
    assert (
        f"run UNKNOWN cannot be found in the run store. The newest runs with checkpoints are runs:/{run_id} ("
        in message
    )
    assert "check tiny" not in message
    client.delete_run(run_id)
    assert "that run is deleted. `mlflow runs restore --run-id" in told(f"runs:/{run_id}")


def test_a_wrong_file_of_a_run_gets_those_that_it_has(client, run_id):
    assert told(f"runs:/{run_id}/checkpoints/lst.pt").endswith(
        "that run has no file checkpoints/lst.pt. Did you mean checkpoints/last.pt? "
        "Its checkpoints are checkpoints/best.pt, checkpoints/last.pt."
    )
    other = new_run(client, "check tiny", stage="validate", status="FAILED")
    assert "that run has no checkpoint (validate, FAILED); name another run or a file" in told(f"runs:/{other}")


def test_a_wrong_model_gets_the_versions_and_aliases_that_there_are(client, run_id):
    assert "no model is registered, streets neither" in told("models:/streets@champion")
    package(PackageConfig.of(checkpoint=f"runs:/{run_id}", name="streets", alias="champion", crop_size=(64, 32)))
    for reference in ("models:/streets@champion", "models:/streets/1", "models:/streets/latest"):
        check_reference(reference, "checkpoint")
    known = "It has models:/streets@champion, models:/streets/1."
    assert f"no such model of msl: streets has no alias wrong. {known}" in told("models:/streets@wrong")
    assert f"streets has no version 7. {known}" in told("models:/streets/7")
    assert f"name a version or an alias of streets. {known}" in told("models:/streets")
    assert "no model is called street. Did you mean streets?" in told("models:/street@champion")


def test_a_store_that_does_not_exist_is_not_made(tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'other.db'}")
    assert "there is no run store" in told("runs:/0123")
    assert not (tmp_path / "other.db").exists()


COMMANDS = {
    "predict": ["--images", "in.png", "--output", "out"],
    "evaluate": [],
    "package": [],
    "adapt": ["--recipe", "streets"],
    "joint_adain": ["--recipe", "streets", "--decoder"],
}


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_looks_first(command, run_id, client, tmp_path):
    (tmp_path / "in.png").touch()
    option = [] if "--decoder" in COMMANDS[command] else ["--checkpoint"]
    result = CliRunner().invoke(
        find_command(command), [*COMMANDS[command], *option, f"runs:/{run_id}/checkpoints/lst.pt"]
    )
    assert result.exit_code == 1
    assert "Did you mean checkpoints/last.pt?" in result.output
    assert [run.info.run_id for run in client.search_runs(["0"])] == [run_id]


def test_a_run_to_resume_is_looked_up(run_id):
    check_resumed(run_id)
    mistyped = f"{run_id[:-1]}{'0' if run_id[-1] != '0' else '1'}"
    with pytest.raises(CheckpointError, match=f"resume = {mistyped}: run {mistyped} cannot .* mean runs:/{run_id} "):
        check_resumed(mistyped)


def test_a_conflict_names_the_reference_and_costs_no_run(run_id, client):
    reference = f"runs:/{run_id}"
    check_request(request("adapt", checkpoint=reference))
    with pytest.raises(CheckpointError, match=f"^{reference}/checkpoints/last.pt holds a network with backbone = mob"):
        carry_out(request("adapt", checkpoint=reference, backbone="resnet50", width=1.0))
    with pytest.raises(CheckpointError, match=f"^{reference}/checkpoints/last.pt predicts 19 classes"):
        carry_out(request("adapt", checkpoint=reference, label_set="camvid11"))
    with pytest.raises(CheckpointError, match=f"^{reference}/checkpoints/best.pt .* dilations = 1,2; the settings ask"):
        evaluate(EvaluateConfig.of(checkpoint=reference, dilations="6,12"))
    with pytest.raises(ConfigError, match="device = cuda:77 cannot be used here"):
        evaluate(
            EvaluateConfig.of(
                checkpoint=reference, target="tiny_real.yaml", crop_size=(64, 32), source=None, device="cuda:77"
            )
        )
    with pytest.raises(ConfigError, match=f"{reference}/checkpoints/best.pt does not say at which size it was trained"):
        package(PackageConfig.of(checkpoint=reference))
    assert len(client.search_runs(["0"])) == 1


def test_the_run_that_mlflow_has_made_says_why_it_failed(run_id, client, monkeypatch):
    made = client.create_run("0").info.run_id
    monkeypatch.setenv("MLFLOW_RUN_ID", made)
    result = CliRunner().invoke(find_command("evaluate"), ["--checkpoint", f"runs:/{run_id[:8]}"])
    assert client.get_run(made).data.tags[schema.ERROR].startswith("CheckpointError: checkpoint = runs:/")
    assert f"Did you mean runs:/{run_id}" in result.output
