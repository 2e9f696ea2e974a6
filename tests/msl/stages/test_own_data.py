"""People's own data through the stages: own classes from the YAML to the packaged model, and what is not scored."""

import csv
import json

import mlflow.artifacts
import numpy as np
import own_data
import pytest
from mlflow.tracking import MlflowClient
from PIL import Image
from tiny import artifact, checkpoint, request

from msl import schema
from msl.config import EvaluateConfig, PackageConfig, PredictConfig, ValidateConfig
from msl.data.images import decode_ids
from msl.errors import ConfigError, DataError
from msl.runs import run as carry_out
from msl.serving import package, predict
from msl.stages.evaluate import evaluate
from msl.stages.validate import validate

pytestmark = pytest.mark.usefixtures("tiny_store")

SIZE = (64, 32)
CLASSES = {"way": [128, 0, 0], "verge": None, "vehicle": [0, 0, 255]}
OWN = {"classes": CLASSES, "ids": {7: "way", 8: "verge", 26: "vehicle", 0: None}}


def test_domains_without_validation_train_and_are_not_scored(tmp_path, caplog):
    source, target = map(str, own_data.two_domains(tmp_path))
    outcome = carry_out(request("adapt", source=source, target=target, crop_size=SIZE))
    run = MlflowClient().get_run(outcome.run_id)
    assert run.info.status == "FINISHED"
    assert not [name for name in run.data.metrics if "mIoU" in name]
    for name in "AB":  # once, though the parent that is looked for reads the same data
        assert caplog.text.count(f"{name} has no split 'val': its file describes train; it is not scored") == 1
    with pytest.raises(ConfigError, match="nothing to score: no domain has labels. -e predict is for images without"):
        evaluate(EvaluateConfig.of(checkpoint=f"runs:/{outcome.run_id}/checkpoints/last.pt"))
    assert {run.data.tags[schema.STAGE] for run in MlflowClient().search_runs(["0"])} == {"pretrain", "adapt"}


def test_a_share_held_out_is_scored(tmp_path):
    own_data.two_domains(tmp_path)
    splits = {"train": {"images": "img/*.png", "labels": "lab/*.png"}, "val": 0.4}
    source = str(own_data.domain(tmp_path, "A", splits, root="A"))
    outcome = carry_out(request("pretrain", source=source, target=None, crop_size=SIZE))
    assert 0 <= outcome.metrics["source/mIoU"] <= 100


def test_own_classes_from_the_yaml_to_the_packaged_model(tmp_path):
    own_data.two_domains(tmp_path)
    splits = own_data.both("img/*.png", "lab/*.png")
    source = str(own_data.domain(tmp_path, "A", splits, root="A", **OWN))
    settings = {"source": source, "target": str(tmp_path / "B.yaml"), "crop_size": SIZE}
    outcome = carry_out(request("adapt", **settings))
    scores = {name for name in outcome.metrics if name.startswith("source/IoU/")}
    assert scores == {f"source/IoU/{name}" for name in CLASSES}

    saved = checkpoint(outcome.run_id)
    assert (saved["label_set"], saved["classes"]) == ("A", list(CLASSES))
    assert saved["palette"][0] == [128, 0, 0]
    table = artifact(outcome.run_id, "evaluation/per_class.csv").read_text()
    assert {row["class"] for row in csv.DictReader(table.splitlines())} == set(CLASSES)

    reference = f"runs:/{outcome.run_id}/checkpoints/last.pt"
    scored = evaluate(EvaluateConfig.of(checkpoint=reference, export=str(tmp_path / "exported")))
    assert scored.metrics["source/mIoU"] == outcome.metrics["source/mIoU"]
    exported = sorted((tmp_path / "exported/source").rglob("*_pred_trainIds.png"))
    assert len(exported) == 6
    ids = decode_ids(exported[0].read_bytes())
    assert ids.max() < 3
    with Image.open(exported[0]) as image:
        palette = np.array(saved["palette"], np.uint8)
        assert np.array_equal(np.asarray(image.convert("RGB")), palette[ids])

    predict(PredictConfig.of(checkpoint=reference, images=str(tmp_path / "A/img"), output=str(tmp_path / "out")))
    assert len(list((tmp_path / "out/labels").glob("*_pred_trainIds.png"))) == 6
    model = mlflow.models.get_model_info(package(PackageConfig.of(checkpoint=reference)).uri)
    assert model.metadata["classes"] == {"way": 0, "verge": 1, "vehicle": 2}
    assert json.loads(mlflow.artifacts.load_text(f"runs:/{outcome.run_id}/config.json"))["classes"] == list(CLASSES)

    resumed = carry_out(request("adapt", resume=outcome.run_id, max_iters=5))  # finds the classes again by their name
    assert resumed.run_id == outcome.run_id


def test_validate_says_what_may_not_be_meant(tmp_path):
    shown = []
    path = own_data.nested(tmp_path, "images/*/*.png", "labels/*/*.png")
    validate(ValidateConfig.of(source=str(path), target=None, split="train"), show=shown.append)
    assert "note    2 files (0.png, 1.png) beside images/*/*.png match no pattern and are left out" in shown[0]


def test_validate_of_domains_without_validation(tmp_path, caplog):
    source, target = map(str, own_data.two_domains(tmp_path))
    shown = []
    validate(ValidateConfig.of(source=source, target=target), show=shown.append)
    assert [text.partition(":")[0] for text in shown] == ["A/train", "B/train"]
    assert caplog.text.count("A has no split 'val': its file describes train; it is not scored") == 1


def test_lossy_labels_end_a_training_before_it_begins(tmp_path):
    path = str(own_data.jpeg_labels(tmp_path))
    with pytest.raises(DataError, match=r"a lossy format \(JPEG\) changes the ids of labels: save them as PNG"):
        carry_out(request("pretrain", source=path, target=None, crop_size=SIZE))


def test_every_sample_is_exported_under_a_name_of_its_own(tmp_path):
    path = str(own_data.one_stem_two_files(tmp_path))
    outcome = carry_out(request("pretrain", source=path, target=None, crop_size=SIZE))
    reference = f"runs:/{outcome.run_id}/checkpoints/last.pt"
    evaluate(EvaluateConfig.of(checkpoint=reference, export=str(tmp_path / "exported")))
    names = sorted(path.name for path in (tmp_path / "exported/source").rglob("*.png"))
    assert names == [f"{stem}_pred_labelIds.png" for stem in ("0.jpg", "0.png", "1.jpg", "1.png")]
