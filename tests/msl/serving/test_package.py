"""A checkpoint as an MLflow model: what it says of itself, where it loads, and what a real server answers."""

import base64
import json
import os
import shutil
import subprocess
import sys
import urllib.error
import urllib.request
from importlib.metadata import version
from pathlib import Path

import data_factory as factory
import mlflow
import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from mlflow.entities import Metric
from mlflow.tracking import MlflowClient
from PIL import Image
from servers import mlflow_command
from tiny import varied_checkpoint

from entrypoints.package import main
from msl.config import ModelConfig, PackageConfig, PredictConfig
from msl.errors import CheckpointError, ConfigError, TrackingError
from msl.models import build_model
from msl.serving import package, predict
from msl.weights import load_file

TRAINED = {"settings": {"crop_size": "96,48", "target_crop_size": None, "source": "gta5", "target": "cityscapes"}}
OUTSIDE = """
import sys, mlflow, pandas as pd
model = mlflow.pyfunc.load_model(sys.argv[1])
row = model.predict(pd.DataFrame({"image": [open(sys.argv[2], "rb").read()]})).iloc[0]
open(sys.argv[3], "wb").write(row["label"])
import msl
print(msl.__file__)
"""


def trained_run(folder, name="best.pt", **tags):
    """ID of a finished run with a checkpoint, in an experiment of its own."""
    client = MlflowClient()
    experiment = client.create_experiment("own", artifact_location=str(folder / "files"))
    run_id = client.create_run(experiment, tags={"msl.group": "adapt varied", **tags}).info.run_id
    client.log_batch(run_id, metrics=[Metric("target/mIoU", 40.0 + step, 1, step) for step in range(5)])
    client.log_param(run_id, "cfg.seed", "7")
    varied_checkpoint(folder / name, optimizer={"momentum": [0.0] * 1000}, **TRAINED)
    client.log_artifact(run_id, str(folder / name), "checkpoints")
    client.set_terminated(run_id, "FINISHED", end_time=12345)
    return run_id


def packaged(checkpoint, **changes):
    return package(PackageConfig.of(checkpoint=checkpoint, **changes))


@pytest.fixture(scope="module")
def model(_empty_store, tmp_path_factory):
    """A folder with a packaged model, an image, and the label that predict gives it."""
    folder = tmp_path_factory.mktemp("model")
    shutil.copyfile(_empty_store, folder / "mlflow.db")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{folder}/mlflow.db")
        uri = packaged(varied_checkpoint(folder / "varied.pt", **TRAINED)).uri
        mlflow.artifacts.download_artifacts(uri, dst_path=str(folder / "model"))
        factory.save(factory.picture(5), folder / "image.png")
        predict(PredictConfig.of(checkpoint="varied.pt", images="image.png", output="out"))
    return folder


@pytest.mark.usefixtures("store")
def test_the_best_checkpoint_of_a_run_becomes_a_registered_model(tmp_path):
    run_id = trained_run(tmp_path, **{"msl.code.commit": "c0ffee", "msl.fingerprint": "f00d"})
    before = MlflowClient().get_run(run_id)
    packaged_model = packaged(f"runs:/{run_id}", name="streets", alias="champion", license="CC-BY-4.0")
    assert (packaged_model.run_id, packaged_model.uri) == (run_id, "models:/streets@champion")
    after = MlflowClient().get_run(run_id)
    assert after.info.status == before.info.status
    assert (after.info.end_time, after.data.tags) == (12345, before.data.tags)
    version = MlflowClient().get_model_version_by_alias("streets", "champion")
    assert (int(version.version), version.run_id) == (1, run_id)
    wanted = {"msl.code.commit": "c0ffee", "msl.fingerprint": "f00d", "msl.license": "CC-BY-4.0"}
    wanted |= {"msl.checkpoint": f"runs:/{run_id}/checkpoints/best.pt", "msl.group": "adapt varied"}
    info = mlflow.models.get_model_info(packaged_model.uri)
    assert wanted.items() <= version.tags.items()
    assert wanted.items() <= info.metadata.items()
    assert info.metadata["classes"]["bicycle"] == 33
    assert len(info.metadata["msl.checkpoint.sha256"]) == 64
    assert info.signature.inputs.input_names() == ["image"]
    (run,) = MlflowClient().search_runs(["0"])
    assert run.data.tags["msl.model"] == packaged_model.uri
    (logged,) = MlflowClient().search_logged_models([after.info.experiment_id])
    assert (logged.source_run_id, logged.params) == (run_id, {"cfg.seed": "7"})
    assert [(metric.key, metric.value, metric.step) for metric in logged.metrics] == [("target/mIoU", 43.0, 3)]
    assert len(MlflowClient().get_metric_history(run_id, "target/mIoU")) == 5

    again = packaged(f"runs:/{run_id}/checkpoints/best.pt", name="streets", alias="champion")
    assert int(MlflowClient().get_model_version_by_alias("streets", "champion").version) == 2
    assert "gta5, cityscapes" in mlflow.models.get_model_info(again.uri).metadata["msl.license"]

    factory.save(factory.picture(5), tmp_path / "image.png")
    for number, checkpoint in enumerate(("best.pt", "models:/streets@champion", "models:/streets/1")):
        predict(PredictConfig.of(checkpoint=checkpoint, images="image.png", output=f"out{number}"))
    labels = [path.read_bytes() for path in sorted(tmp_path.glob("out*/labels/image_pred_labelIds.png"))]
    assert labels == [labels[0]] * 3


def test_the_model_holds_the_network_and_nothing_of_the_training(model):
    saved = load_file(model / "model/artifacts/network.pt")
    network = {"model", "label_set", "classes", "palette"}
    assert set(saved) == {"format", "step", "weights", "stage", "group", "settings", "input", *network}
    assert saved["input"] == {"eval_flip": False, "eval_scales": "1", "crop_size": "96,48"}
    assert not list(model.glob("model/**/*.pkl"))
    requirements = (model / "model/requirements.txt").read_text().split()
    assert all("==" in line and "+" not in line for line in requirements)


@pytest.mark.usefixtures("store")
def test_a_model_requires_the_packages_of_its_backbone(tmp_path):
    network = build_model(ModelConfig(backbone="timm:convnext_atto", num_classes=19, output_stride=32))
    about = {"weights": network.state_dict(), "model": network.config.model_dump(mode="json"), **TRAINED}
    uri = packaged(varied_checkpoint(tmp_path / "convnext.pt", **about)).uri
    folder = Path(mlflow.artifacts.download_artifacts(uri, dst_path=str(tmp_path / "model")))
    assert f"timm=={version('timm')}" in (folder / "requirements.txt").read_text().split()


def test_the_model_loads_where_msl_is_not(model, tmp_path):
    clean = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    command = [sys.executable, "-c", OUTSIDE, str(model / "model"), str(model / "image.png"), "label.png"]
    done = subprocess.run(command, cwd=tmp_path, env=clean, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert Path(done.stdout.strip()) == model / "model/code/msl/__init__.py"
    assert (tmp_path / "label.png").read_bytes() == (model / "out/labels/image_pred_labelIds.png").read_bytes()


@pytest.fixture(scope="module")
def server(model):
    arguments = ["models", "serve", "--model-uri", str(model / "model"), "--env-manager", "local"]
    with mlflow_command(arguments, "/ping", model) as address:
        yield address


def post(server, body, kind="application/json"):
    """Status and content of an answer."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    request = urllib.request.Request(f"{server}/invocations", content, {"Content-Type": kind})
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def table(*images, column="image"):
    return {"dataframe_split": {"columns": [column], "data": [[encoded(image)] for image in images]}}


def encoded(image):
    return base64.b64encode(image).decode() if isinstance(image, bytes) else image


def test_a_server_answers_with_the_labels_that_predict_writes(server, model):
    image = (model / "image.png").read_bytes()
    other = model / "other.jpg"
    Image.fromarray(factory.picture(6, (31, 64))).save(other)
    status, content = post(server, table(image, other.read_bytes()))
    assert status == 200, content
    first, second = json.loads(content)["predictions"]
    assert base64.b64decode(first["label"]) == (model / "out/labels/image_pred_labelIds.png").read_bytes()
    lines = (model / "out/predictions.csv").read_text().splitlines()
    assert first["confidence"] == pytest.approx(float(lines[1].split(",")[4]), abs=1e-4)
    (model / "second.png").write_bytes(base64.b64decode(second["label"]))
    assert np.asarray(Image.open(model / "second.png")).shape == (64, 31)
    status, content = post(server, {"dataframe_records": [{"image": encoded(image)}]})
    assert (status, json.loads(content)["predictions"]) == (200, [first])


@pytest.mark.parametrize(
    ("body", "kind", "reason"),
    [
        (table(b"no image"), "application/json", "image 0 cannot be read: this is no image"),
        ("torn", "application/json", "image 1 cannot be read: "),
        (table("%%%"), "application/json", "image 0 cannot be read"),
        (table(None), "application/json", "Failed to convert column image"),
        (table(17), "application/json", "Failed to convert column image"),
        (table(b"", column="picture"), "application/json", "Model is missing inputs ['image']"),
        ({"dataframe_split": {"columns": ["image"], "data": []}}, "application/json", "there is no image"),
        ({"inputs": [[1, 2], [3, 4]]}, "application/json", "image"),
        ({}, "application/json", "exactly one of the input fields"),
        (b"{", "application/json", "Invalid input"),
        (b"\x89PNG", "image/png", "only supports the following content types"),
    ],
)
def test_wrong_input_is_refused_with_a_reason(server, model, body, kind, reason):
    image = (model / "image.png").read_bytes()
    status, content = post(server, table(image, image[:-400]) if body == "torn" else body, kind)
    assert 400 <= status < 500, content
    assert reason in content
    assert post(server, table(image))[0] == 200  # and the server goes on


@pytest.mark.usefixtures("store")
@pytest.mark.parametrize(
    ("checkpoint", "changes", "error", "message"),
    [
        ("runs:/0123", {}, CheckpointError, "checkpoint = runs:/0123: "),
        ("no.pt", {}, CheckpointError, "checkpoint = no.pt: no such file"),
        ("bare.pt", {}, ConfigError, "bare.pt does not say at which size it was trained: pass crop_size"),
        ("bare.pt", {"alias": "champion"}, ConfigError, "alias = champion needs a registered model: pass name"),
        ("bare.pt", {"name": "a", "alias": "v3"}, ConfigError, "alias = v3 is reserved by MLflow: choose another"),
        ("bare.pt", {"name": "a/b"}, ConfigError, "name = 'a/b': string should match"),
    ],
)
def test_what_is_wrong_is_told(checkpoint, changes, error, message, tmp_path):
    varied_checkpoint(tmp_path / "bare.pt")
    with pytest.raises(error, match=message):
        packaged(checkpoint, **changes)


@pytest.mark.usefixtures("store")
def test_a_run_without_checkpoints_is_named(tmp_path):
    run_id = MlflowClient().create_run("0").info.run_id
    with pytest.raises(CheckpointError, match=f"checkpoint = runs:/{run_id}: that run has no checkpoint"):
        packaged(f"runs:/{run_id}")
    last = trained_run(tmp_path, "last.pt")  # as of a training that nothing was scored in
    assert packaged(f"runs:/{last}").run_id == last


@pytest.mark.usefixtures("store")
def test_an_artifact_store_that_refuses_is_told(tmp_path):
    run_id = trained_run(tmp_path)
    (tmp_path / "files/models").touch()
    with pytest.raises(TrackingError, match="the model cannot be logged or registered: "):
        packaged(f"runs:/{run_id}")


def test_the_command_says_how_to_serve(store, tmp_path):
    run_id = trained_run(tmp_path)
    result = CliRunner().invoke(main, ["--checkpoint", f"runs:/{run_id}", "--name", "streets"])
    assert result.exit_code == 0, result.output
    assert f"models:/streets/1, logged to run {run_id}" in result.output
    assert "mlflow models serve --model-uri models:/streets/1 --env-manager local" in result.output
    frame = pd.DataFrame({"image": [b"no image"]})
    with pytest.raises(mlflow.MlflowException, match="image 0 cannot be read"):
        mlflow.pyfunc.load_model("models:/streets/1").predict(frame)
