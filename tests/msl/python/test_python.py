"""msl from Python: the settings, results and errors of the command line."""

import csv
import inspect
import re
import subprocess
import sys
from pathlib import Path

import data_factory as factory
import numpy as np
import pytest
from conftest import REPOSITORY
from mlflow.tracking import MlflowClient
from PIL import Image
from tiny import SETTINGS, varied_checkpoint, write_domains

import msl
from msl.config import PredictConfig, RequestConfig
from msl.errors import CheckpointError, ConfigError, DataError
from msl.labels import find_label_set
from msl.serving import predict
from msl.tracking.offline import OfflineStore


@pytest.fixture
def network(tmp_path):
    return msl.load(varied_checkpoint(tmp_path / "varied.pt"), crop_size=(96, 48))


def test_an_image_in_every_form_gives_the_labels_that_predict_writes(network, store, tmp_path):
    path = tmp_path / "in" / "0.png"
    factory.save(factory.picture(0), path)
    predict(PredictConfig.of(checkpoint="varied.pt", images="in", output="out", crop_size="96,48", ids="trainIds"))
    written = np.asarray(Image.open(tmp_path / "out/labels/0_pred_trainIds.png"))
    array = np.asarray(Image.open(path))
    for image in (path, str(path), path.read_bytes(), Image.open(path), array):
        predicted = network(image)
        assert np.array_equal(predicted.labels, written)
    assert (predicted.labels.dtype, predicted.labels.shape) == (np.uint8, array.shape[:2])
    assert (predicted.confidence.dtype, predicted.confidence.shape) == (np.float32, array.shape[:2])
    with (tmp_path / "out/predictions.csv").open(newline="") as file:
        assert f"{predicted.confidence.mean():.4f}" == next(csv.DictReader(file))["confidence"]
    label_set = find_label_set("cityscapes19")
    assert predicted.classes == network.classes == label_set.classes
    assert predicted.colours.shape == array.shape
    assert tuple(predicted.colours[3, 5]) == label_set.palette[written[3, 5]]
    assert sum(predicted.shares().values()) == pytest.approx(100)
    assert network.step == 3


def test_grey_and_turned_images_are_decoded_as_everywhere(network, tmp_path):
    grey = np.full((24, 40), 90, np.uint8)
    assert np.array_equal(network(grey).labels, network(np.stack([grey] * 3, 2)).labels)
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(np.asarray(factory.picture(0))).save(tmp_path / "turned.jpg", exif=exif)
    assert network(Image.open(tmp_path / "turned.jpg")).labels.shape == (40, 24)


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (np.zeros((4, 4, 3)), r"array of float64 with shape \(4, 4, 3\): pass \(H, W, 3\) RGB"),
        (np.zeros((3, 4, 4), np.uint8), r"shape \(3, 4, 4\)"),
        (np.zeros((0, 4, 3), np.uint8), "shape"),
        (b"no image", "the image cannot be read: this is no image"),
        ("nowhere.png", "nowhere.png: no such file"),
        (Image.new("F", (4, 4)), "the image cannot be read: it has mode F"),
    ],
)
def test_what_is_no_image_is_told(network, image, message):
    with pytest.raises(DataError, match=message):
        network(image)


def test_load_needs_no_run_store_and_refuses_what_is_wrong(tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    path = varied_checkpoint(tmp_path / "varied.pt")
    assert msl.load(Path(path), crop_size="96,48")(np.zeros((24, 40, 3), np.uint8)).labels.shape == (24, 40)
    with pytest.raises(CheckpointError, match="no.pt: no such file"):
        msl.load("no.pt")
    with pytest.raises(ConfigError, match="does not say at which size it was trained: pass crop_size"):
        msl.load(path)
    with pytest.raises(ConfigError, match="overlay, size: load has no such setting; it has dilations, eval_flip"):
        msl.load(path, size=(1, 2), overlay=1)


def test_run_does_what_the_command_does(tiny_store, tmp_path):
    outcome = msl.run("adapt", **SETTINGS, lambda_target=0.09)
    run = MlflowClient().get_run(outcome.run_id)
    assert (run.info.status, run.data.params["cfg.lambda_target"]) == ("FINISHED", "0.09")
    assert outcome.metrics["target/mIoU"] == run.data.metrics["last/target/mIoU"]
    factory.save(factory.picture(0), tmp_path / "in" / "0.png")
    network = msl.load(f"runs:/{outcome.run_id}")
    assert network(tmp_path / "in/0.png").labels.shape == (24, 40)
    scored = msl.run("evaluate", checkpoint=outcome.result, eval_images=2, panels=0, num_workers=0)
    assert scored.metrics == outcome.metrics
    predicted = msl.run("predict", checkpoint=outcome.result, images=tmp_path / "in", output=tmp_path / "out")
    assert len(list(Path(predicted.result).glob("labels/*.png"))) == 1
    checked = msl.run("validate", source="tiny.yaml", target="tiny_real.yaml")
    assert MlflowClient().get_run(checked.run_id).info.status == "FINISHED"


def test_the_lines_of_the_readme(tiny_store, tmp_path):
    (lines,) = re.findall(r"```python\n(import msl\n.*?)```", (REPOSITORY / "README.md").read_text(), re.DOTALL)
    assert len(lines.splitlines()) <= 10
    factory.save(factory.picture(0), tmp_path / "frame.png")
    names = {"settings": SETTINGS | {"weights": "none"}}  # those of the recipe are for another width
    exec(lines.replace("lambda_target=0.09", "lambda_target=0.09, **settings"), names)
    assert names["predicted"].labels.shape == (24, 40)


@pytest.mark.parametrize(
    ("stage", "settings", "message"),
    [
        ("adpat", {}, "stage = 'adpat': unknown; did you mean adapt"),
        ("adapt", {"lambda_targt": 0.1}, "lambda_targt is not a setting"),
        ("adapt", {"lambda_target": -1}, "lambda_target = -1"),
        ("adapt", {"recipe": "street"}, "street"),
        (
            "evaluate",
            {"checkpoint": "x.pt", "recipe": "streets"},
            "recipe = streets: stage evaluate has no such setting",
        ),
        ("predict", {"checkpoint": "x.pt"}, "images"),
    ],
)
def test_mistakes_are_errors_of_msl_before_a_run_is_opened(store, stage, settings, message):
    with pytest.raises(msl.MslError, match=message):
        msl.run(stage, **settings)
    assert not MlflowClient().search_runs(["0"])


def test_run_takes_every_option_of_the_command(tmp_path, store, caplog):
    assert set(RequestConfig.model_fields) <= set(inspect.signature(msl.run).parameters)
    caplog.set_level("INFO", "msl")
    write_domains(tmp_path)
    assert msl.run("pretrain", **SETTINGS, dry_run=True).run_id == ""
    assert '"batch_size": 2' in caplog.text
    assert not MlflowClient().search_runs(["0"])
    with pytest.raises(ConfigError, match="force = True: stage evaluate has no such setting"):
        msl.run("evaluate", checkpoint="x.pt", force=True)
    with pytest.raises(ConfigError, match="tracking"):
        msl.run("pretrain", **SETTINGS, tracking="never")
    outcome = msl.run("pretrain", **SETTINGS, tracking="offline")
    assert not MlflowClient().search_runs(["0"])
    assert OfflineStore().find(outcome.run_id).info.status == "FINISHED"
    MlflowClient(OfflineStore().uri).set_tag(outcome.run_id, "msl.code.digest", "0123456789abcdef")
    with pytest.raises(ConfigError, match="force=true"):
        msl.run("pretrain", resume=outcome.run_id, max_iters=5)
    assert msl.run("pretrain", resume=outcome.run_id, max_iters=5, force=True).run_id == outcome.run_id


def test_importing_msl_costs_nothing():
    code = "import msl, sys, time; assert {'load', 'run'} <= set(dir(msl)); "
    code += "print('torch' in sys.modules, time.process_time())"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    has_torch, processor_s = result.stdout.split()
    assert has_torch == "False"
    assert float(processor_s) < 2
    with pytest.raises(AttributeError, match="no attribute nothing"):
        _ = msl.nothing
