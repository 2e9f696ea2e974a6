"""The evaluate stage beside the scripts by which everybody scores Cityscapes."""

import data_factory as factory
import mlflow.artifacts
import numpy as np
import pytest
from cityscapesscripts.evaluation.evalPixelLevelSemanticLabeling import args, evaluateImgLists, getPrediction
from mlflow.tracking import MlflowClient
from tiny import request, varied_checkpoint

from msl.config import EvaluateConfig
from msl.errors import ConfigError
from msl.labels import find_label_set
from msl.runs import run
from msl.stages.evaluate import evaluate

pytestmark = pytest.mark.usefixtures("tiny_store")


def validation_set(root, count=3):
    """Cityscapes' validation images, every id that its scripts know in each of their labels."""
    factory.cityscapes(root, count)
    for i, path in enumerate(sorted(root.glob("Cityscapes/gtFine/val/*/*.png"))):
        factory.save(np.random.default_rng(i).integers(0, 34, (24, 40), dtype=np.uint8), path)


def settings(checkpoint, **changes):
    scored_settings = {
        "source": None,
        "target": "cityscapes",
        "crop_size": (40, 24),
        "data_root": "data",
        "num_workers": 0,
    }
    return EvaluateConfig.of(checkpoint=checkpoint, **scored_settings | changes)


def official_scores(predictions, monkeypatch):
    """Mean and IoU by class, as fractions, from the scripts run on what they find in a folder."""
    monkeypatch.setenv("CITYSCAPES_RESULTS", str(predictions))
    searched = {"predictionPath": None, "predictionWalk": None}
    for name, value in {**searched, "evalInstLevelScore": False, "JSONOutput": False, "quiet": True}.items():
        monkeypatch.setattr(args, name, value)
    truth = sorted(map(str, predictions.parent.parent.glob("data/Cityscapes/gtFine/val/*/*_gtFine_labelIds.png")))
    published = evaluateImgLists([getPrediction(args, path) for path in truth], truth, args)
    return published["averageScoreClasses"], published["classScores"]


@pytest.mark.parametrize("views", [{}, {"eval_flip": True, "eval_scales": "0.75,1.5"}])
def test_scores_are_those_of_cityscapes_own_scripts(views, tmp_path, monkeypatch):
    validation_set(tmp_path / "data")
    checkpoint = varied_checkpoint(tmp_path / "varied.pt")
    outcome = evaluate(settings(checkpoint, export="predictions", **views))
    mean, by_class = official_scores(tmp_path / "predictions/target", monkeypatch)
    assert outcome.metrics["target/mIoU"] == pytest.approx(100 * mean, abs=1e-6)
    class_ious = {name.rpartition("/")[2]: iou for name, iou in outcome.metrics.items() if "/IoU/" in name}
    assert class_ious == pytest.approx({name: 100 * iou for name, iou in by_class.items() if iou == iou}, abs=1e-6)
    assert len(class_ious) == 19
    assert sum(iou > 0 for iou in class_ious.values()) > 3


def test_exported_files_are_named_and_the_run_says_where(tmp_path):
    validation_set(tmp_path / "data", count=2)
    outcome = evaluate(settings(varied_checkpoint(tmp_path / "varied.pt"), export="predictions"))
    files = sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.glob("predictions/**/*.png"))
    stem = "predictions/target/val/aachen_00000"
    assert files == [f"{stem}{i}_000019_pred_labelIds.png" for i in range(2)]
    tags = MlflowClient().get_run(outcome.run_id).data.tags
    assert tags["msl.predictions"].endswith(f":{tmp_path}/predictions")


def test_scoring_that_is_not_the_usual_is_another_group(tmp_path):
    validation_set(tmp_path / "data", count=1)
    checkpoint = varied_checkpoint(tmp_path / "varied.pt")
    runs = [evaluate(settings(checkpoint, **how)) for how in ({}, {"eval_flip": True, "resize_labels": True})]
    groups = [MlflowClient().get_run(outcome.run_id).data.tags["msl.group"] for outcome in runs]
    assert groups == [
        "evaluate varied target=cityscapes",
        "evaluate varied target=cityscapes eval_flip=True resize_labels=True",
    ]


def test_other_domains_than_those_of_the_training_are_another_group(tmp_path):
    text = (tmp_path / "tiny_real.yaml").read_text()
    (tmp_path / "copy.yaml").write_text(text)
    (tmp_path / "other.yaml").write_text(text.replace("name: tiny_real", "name: other"))
    trained = run(request("pretrain"))
    targets = ["trained", "tiny_real.yaml", "copy.yaml", "other.yaml"]
    runs = [
        evaluate(EvaluateConfig.of(checkpoint=f"runs:/{trained.run_id}", target=target, num_workers=0))
        for target in targets
    ]
    groups = [MlflowClient().get_run(outcome.run_id).data.tags["msl.group"] for outcome in runs]
    assert groups[1:3] == [groups[0]] * 2  # the same data, however the path is typed
    assert groups[3] != groups[0]


def test_a_network_of_sixteen_classes_is_scored_on_thirteen_too(tmp_path):
    validation_set(tmp_path / "data", count=2)
    outcome = evaluate(settings(varied_checkpoint(tmp_path / "varied.pt", "synthia16")))
    ious = {name.rpartition("/")[2]: iou for name, iou in outcome.metrics.items() if "/IoU/" in name}
    assert len(ious) == 16
    thirteen = [ious[name] for name in find_label_set("synthia13").classes]
    assert outcome.metrics["target/mIoU_13"] == pytest.approx(np.mean(thirteen))
    rows = mlflow.artifacts.load_text(f"runs:/{outcome.run_id}/evaluation/per_class.csv").splitlines()
    assert rows[4].startswith(f"evaluated,3,target,wall,{ious['wall']:.4f},")


def test_a_folder_that_cannot_be_written_is_refused_before_scoring(tmp_path):
    validation_set(tmp_path / "data", count=1)
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="file/target cannot be written"):
        evaluate(settings(varied_checkpoint(tmp_path / "varied.pt"), export="file"))
    (run,) = MlflowClient().search_runs(["0"])
    assert run.info.status == "FAILED"
    assert not run.data.metrics
