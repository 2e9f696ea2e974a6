"""The predict stage: it sees what evaluation sees, writes what is asked for, and stumbles over no file."""

import csv
from pathlib import Path

import data_factory as factory
import mlflow.artifacts
import numpy as np
import pytest
import torch
from click.testing import CliRunner
from mlflow.tracking import MlflowClient
from PIL import Image
from tiny import varied_checkpoint, varied_model

from entrypoints.predict import main
from msl.config import EvaluateConfig, PackageConfig, PredictConfig
from msl.errors import CheckpointError, ConfigError, DataError
from msl.labels import find_label_set
from msl.serving import package, predict
from msl.stages.evaluate import evaluate

pytestmark = pytest.mark.usefixtures("store")

SIZE = (96, 48)  # of the network's input; the images are 40×24


def settings(checkpoint="varied.pt", images="in", **changes):
    return PredictConfig.of(checkpoint=checkpoint, images=images, output="out", **{"crop_size": SIZE} | changes)


def frames(folder, count=3):
    for i in range(count):
        factory.save(factory.picture(i), folder / f"{i}.png")


def files(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def table(folder):
    with (folder / "predictions.csv").open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(autouse=True)
def _network(tmp_path):
    varied_checkpoint(tmp_path / "varied.pt")


@pytest.mark.parametrize("views", [{}, {"eval_flip": True, "eval_scales": "0.75,1.5"}])
@pytest.mark.parametrize("confidence", [None, "map"])
def test_labels_are_those_that_evaluate_exports(views, confidence, tmp_path):
    factory.cityscapes(tmp_path)
    scored = {"source": None, "target": "cityscapes", "crop_size": SIZE, "data_root": ".", "num_workers": 0}
    evaluate(EvaluateConfig.of(checkpoint="varied.pt", export="exported", **scored, **views))
    predict(settings(images="Cityscapes/leftImg8bit/val", confidence=confidence, **views))
    exported = sorted(tmp_path.glob("exported/target/val/*.png"))
    predicted = sorted(tmp_path.glob("out/labels/aachen/*.png"))
    assert [path.read_bytes() for path in predicted] == [path.read_bytes() for path in exported]
    assert len(exported) == 2
    assert all(len(np.unique(np.asarray(Image.open(path)))) > 3 for path in exported)


def test_what_is_written(tmp_path):
    frames(tmp_path / "in", 2)
    predict(settings(confidence="map", overlay=0.25, crop_size=(40, 24)))
    names = [f"{kind}/{i}{end}" for kind, end in _KINDS for i in range(2)]
    assert files(tmp_path / "out") == sorted([*names, "legend.png", "predictions.csv"])
    with torch.no_grad():
        image = torch.from_numpy(factory.picture(1)).permute(2, 0, 1)
        probability, label = varied_model(19)(image[None]).main[0].softmax(0).max(0)
    ids = np.asarray(Image.open(tmp_path / "out/labels/1_pred_labelIds.png"))
    assert set(np.unique(ids)) <= {7, 8, 11, 12, 13, 17, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 31, 32, 33}
    map_ = np.asarray(Image.open(tmp_path / "out/confidence/1.png"))
    assert np.abs(map_ - 255 * probability.numpy()).max() <= 0.51
    colours = np.array(find_label_set("cityscapes19").palette)[label.numpy()]
    overlay = np.asarray(Image.open(tmp_path / "out/overlays/1.jpg"))
    wanted = 0.75 * factory.picture(1).mean(axis=(0, 1)) + 0.25 * colours.mean(axis=(0, 1))
    assert overlay.mean(axis=(0, 1)) == pytest.approx(wanted, abs=3)
    row = table(tmp_path / "out")[1]
    assert float(row.pop("confidence")) == pytest.approx(probability.mean().item(), abs=1e-4)
    assert row == {"image": "1", "file": "in/1.png", "width": "40", "height": "24", "problem": ""}


_KINDS = (("confidence", ".png"), ("labels", "_pred_labelIds.png"), ("overlays", ".jpg"))


def test_only_what_is_asked_for_is_written(tmp_path):
    frames(tmp_path / "in", 1)
    predict(settings(images="in/0.png", ids="trainIds", overlay=None, confidence=None))
    assert files(tmp_path / "out") == ["labels/0_pred_trainIds.png", "legend.png", "predictions.csv"]
    assert np.asarray(Image.open(tmp_path / "out/labels/0_pred_trainIds.png")).max() < 19
    assert table(tmp_path / "out")[0]["confidence"] == ""


def test_the_run_says_what_was_predicted_with_which_network(tmp_path):
    frames(tmp_path / "in")
    run = MlflowClient().get_run(predict(settings()))
    assert run.info.run_name == "predict in with varied"
    assert run.info.status == "FINISHED"
    tags = {name: run.data.tags[f"msl.{name}"] for name in ("stage", "parent", "images", "predictions")}
    assert (tags["stage"], tags["parent"]) == ("predict", "varied.pt")
    assert tags["images"].endswith(f":{tmp_path}/in")
    assert tags["predictions"].endswith(f":{tmp_path}/out")
    assert run.data.metrics["predicted/images"] == 3
    mean = np.mean([float(row["confidence"]) for row in table(tmp_path / "out")])
    assert run.data.metrics["predicted/confidence"] == pytest.approx(100 * mean, abs=0.01)
    logged = {Path(item.path).name for item in MlflowClient().list_artifacts(run.info.run_id, "predictions")}
    assert logged == {"legend.png", "predictions.csv"}
    stored_table = mlflow.artifacts.load_text(f"runs:/{run.info.run_id}/predictions/predictions.csv")
    assert stored_table.split() == (tmp_path / "out/predictions.csv").read_text().split()


def test_wrong_files_are_named_and_the_batch_goes_on(tmp_path):
    frames(tmp_path / "in", 3)
    whole = (tmp_path / "in/1.png").read_bytes()
    (tmp_path / "in/1.png").write_bytes(whole[:-400])
    (tmp_path / "in/0.jpg").write_text("no image")
    (tmp_path / "in/9.png").touch()
    arguments = ["--checkpoint", "varied.pt", "--images", "in", "--output", "out", "--crop_size", "96,48"]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 1
    assert "Error: 3 of 5 images could not be predicted; the others are in out\n  in/0.jpg: cannot be " in result.output
    assert "Traceback" not in result.output
    assert files(tmp_path / "out/labels") == ["0.png_pred_labelIds.png", "2_pred_labelIds.png"]
    problems = {row["file"]: row["problem"] for row in table(tmp_path / "out")}
    assert [name for name, problem in problems.items() if problem] == ["in/0.jpg", "in/1.png", "in/9.png"]
    assert problems["in/1.png"].startswith("cannot be read: ")
    assert problems["in/1.png"] in result.output
    (run,) = MlflowClient().search_runs(["0"])
    assert (run.info.status, run.data.metrics["predicted/unusable"]) == ("FAILED", 3)
    assert len(mlflow.artifacts.load_text(f"runs:/{run.info.run_id}/predictions/predictions.csv").splitlines()) == 6


def test_a_single_image_that_cannot_be_read_leaves_no_others(tmp_path):
    (tmp_path / "in.png").write_text("no image")
    with pytest.raises(DataError, match=r"^1 of 1 image could not be predicted\n  in.png: cannot be read"):
        predict(settings(images="in.png"))


def test_labels_have_the_images_own_sizes(tmp_path):
    sizes = {"a": (1, 1), "b": (7, 90), "c": (333, 11)}
    for name, size in sizes.items():
        factory.save(factory.picture(0, size), tmp_path / f"in/{name}.png")
    predict(settings())
    for name, (width, height) in sizes.items():
        assert np.asarray(Image.open(tmp_path / f"out/labels/{name}_pred_labelIds.png")).shape == (height, width)
        assert np.asarray(Image.open(tmp_path / f"out/overlays/{name}.jpg")).shape == (height, width, 3)


def test_the_size_is_that_of_target_images_in_training(tmp_path):
    frames(tmp_path / "in", 1)
    trained = {"crop_size": "64,32", "target_crop_size": "96,48", "source": "a", "target": "b"}
    varied_checkpoint(tmp_path / "trained.pt", settings=trained)
    predict(settings("trained.pt", crop_size=None, overlay=None))
    label = (tmp_path / "out/labels/0_pred_labelIds.png").read_bytes()
    predict(settings(crop_size=SIZE, overlay=None))
    assert (tmp_path / "out/labels/0_pred_labelIds.png").read_bytes() == label
    predict(settings(crop_size=(64, 32), overlay=None))
    assert (tmp_path / "out/labels/0_pred_labelIds.png").read_bytes() != label


@pytest.mark.parametrize(
    ("about", "is_told"),
    [
        ({"stage": "adapt", "settings": {"recalibrate": 150}}, True),
        ({"stage": "adapt", "settings": {"recalibrate": None}}, False),
        ({"stage": "bn", "settings": {"recalibrate": 150}}, False),
    ],
)
def test_other_statistics_than_those_of_the_scores_are_mentioned(about, is_told, tmp_path, caplog):
    frames(tmp_path / "in", 1)
    varied_checkpoint(tmp_path / "trained.pt", **about)
    caplog.set_level("INFO", "msl")
    predict(settings("trained.pt"))
    package(PackageConfig.of(checkpoint="trained.pt", crop_size=SIZE))
    keeps = [line for line in caplog.messages if "`-e bn -P checkpoint=… -P bn_images=150` makes a network" in line]
    assert len(keeps) == 2 * is_told


@pytest.mark.parametrize("recalibrate", [None, 3])
def test_an_evaluation_says_which_statistics_it_takes(recalibrate, tmp_path, caplog):
    factory.cityscapes(tmp_path)
    varied_checkpoint(tmp_path / "trained.pt", stage="adapt", settings={"recalibrate": 3})
    caplog.set_level("INFO", "msl")
    scored = {"source": None, "target": "cityscapes", "crop_size": SIZE, "data_root": ".", "num_workers": 0}
    evaluate(EvaluateConfig.of(checkpoint="trained.pt", recalibrate=recalibrate, **scored))
    told = any("`-P recalibrate=3` scores with the others" in line for line in caplog.messages)
    assert told is (recalibrate is None)


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"crop_size": None}, ConfigError, "varied.pt does not say at which size it was trained: pass crop_size="),
        ({"checkpoint": "no.pt"}, CheckpointError, "checkpoint = no.pt: no such file"),
        ({"checkpoint": "in/0.png"}, CheckpointError, "in/0.png cannot be read: damaged, or no file of weights"),
        ({"checkpoint": "runs:/0123"}, CheckpointError, "checkpoint = runs:/0123: run 0123 cannot be found"),
        ({"checkpoint": "models:/no@one"}, CheckpointError, "checkpoint = models:/no@one: no such model of msl"),
        ({"images": "nowhere"}, DataError, "images = nowhere: no such file or folder"),
        ({"device": "cuda:77"}, ConfigError, "device = cuda:77 cannot be used here"),
    ],
)
def test_what_is_wrong_is_told_before_anything_is_written(changes, error, message, tmp_path):
    frames(tmp_path / "in", 1)
    with pytest.raises(error, match=message):
        predict(settings(**changes))
    assert not (tmp_path / "out").exists()


def test_an_output_that_cannot_be_written_is_refused_at_once(tmp_path):
    frames(tmp_path / "in", 1)
    (tmp_path / "out").touch()
    with pytest.raises(ConfigError, match="out/labels cannot be written: Not a directory. Name another folder"):
        predict(settings())


def test_an_interrupted_batch_leaves_whole_files_and_a_table_of_them(tmp_path, monkeypatch):
    frames(tmp_path / "in", 6)
    calls = []

    def interrupting(self, images, *arguments):
        calls.append(images)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return resized(self, images, *arguments)

    from msl.data import Resized

    resized = Resized.__call__
    monkeypatch.setattr(Resized, "__call__", interrupting)
    with pytest.raises(KeyboardInterrupt):
        predict(settings())
    rows = table(tmp_path / "out")
    assert 2 <= len(rows) <= 3
    assert not [name for name in files(tmp_path / "out") if "tmp" in name]
    for path in tmp_path.glob("out/*/*"):
        Image.open(path).load()
    (run,) = MlflowClient().search_runs(["0"])
    assert run.info.status == "KILLED"
