"""Data with samples that cannot be used: refused, or trained on without them and recorded; and checked on its own."""

import csv
import io
from pathlib import Path

import data_factory as factory
import mlflow.artifacts
import numpy as np
import pytest
from mlflow.tracking import MlflowClient
from PIL import Image
from tiny import checkpoint, request

from msl import schema
from msl.config import EvaluateConfig, ValidateConfig
from msl.errors import ConfigError, DataError
from msl.runs import run as carry_out
from msl.stages.evaluate import evaluate
from msl.stages.validate import validate

pytestmark = pytest.mark.usefixtures("tiny_store")

SETTINGS = {"source": "gta5", "target": "cityscapes", "data_root": "data", "crop_size": (40, 24)}
SKIPPED = f"{schema.DATA_FOLDER}/{schema.SKIPPED_FILE}"
PROBLEMS = f"{schema.VALIDATION_FOLDER}/{schema.PROBLEMS_FILE}"


@pytest.fixture
def wrong(tmp_path):
    """What is wrong with which training frame of GTA5; Cityscapes is in order."""
    factory.cityscapes(tmp_path / "data")
    return factory.damaged_gta5(tmp_path / "data")


def rows(run_id, artifact):
    return list(csv.DictReader(io.StringIO(mlflow.artifacts.load_text(f"runs:/{run_id}/{artifact}"))))


def spoil(tmp_path):
    """Blacken Cityscapes' first frames, of training and of validation."""
    for split in ("train", "val"):
        path = f"data/Cityscapes/leftImg8bit/{split}/aachen/aachen_000000_000019_leftImg8bit.png"
        factory.save(np.zeros((24, 40, 3), np.uint8), tmp_path / path)


def test_refused_unless_told_to_go_on(wrong):
    with pytest.raises(
        DataError, match="gta5/train: 8 of 12 samples cannot be used: 2 missing, .*\n(.*\n){5}  … and 3"
    ):
        carry_out(request("pretrain", **SETTINGS))
    (run,) = MlflowClient().search_runs(["0"])
    assert run.info.status == "FAILED"
    assert "skip_bad=true" in run.data.tags[schema.ERROR]


def test_training_goes_on_without_and_says_so(wrong, caplog):
    outcome = carry_out(request("pretrain", skip_bad=True, **SETTINGS))
    assert {row["sample"]: row["problem"] for row in rows(outcome.run_id, SKIPPED)} == wrong
    assert {(row["domain"], row["split"]) for row in rows(outcome.run_id, SKIPPED)} == {("gta5", "train")}
    run = MlflowClient().get_run(outcome.run_id)
    assert run.data.tags[schema.DATA_SKIPPED] == "gta5/train 8"
    assert run.data.params["cfg.skip_bad"] == "True"
    (used,) = (i.dataset for i in run.inputs.dataset_inputs if i.dataset.name == "gta5/train")
    assert used.profile == '{"images": 4}'
    assert "gta5/train: 8 of 12 samples cannot be used" in caplog.text
    assert "using the other 4 samples" in caplog.text


def test_it_is_the_training_on_a_copy_that_never_had_them(wrong, tmp_path):
    parent = request("adapt", skip_bad=True, **SETTINGS).for_parent("pretrain")
    skipped = carry_out(parent).run_id
    (tmp_path / "data/GTA5/train.txt").write_text("1\n2\n3\n4\n")
    whole = carry_out(parent).run_id
    tags = [MlflowClient().get_run(run_id).data.tags for run_id in (skipped, whole)]
    assert tags[0][schema.FINGERPRINT] == tags[1][schema.FINGERPRINT]
    assert tags[0][schema.DATA_SOURCE] == tags[1][schema.DATA_SOURCE]
    assert schema.DATA_SKIPPED not in tags[1]
    weights = [checkpoint(run_id)["weights"] for run_id in (skipped, whole)]
    assert all(weights[0][name].equal(weights[1][name]) for name in weights[0])
    # So either is a parent that fits, whether adaptation skips or has nothing to skip.
    adapted = carry_out(request("adapt", **SETTINGS)).run_id
    assert MlflowClient().get_run(adapted).data.tags[schema.PARENT] == whole


def test_a_scored_split_is_scored_without_them_and_that_is_recorded(wrong, tmp_path, caplog):
    spoil(tmp_path)
    outcome = carry_out(request("adapt", skip_bad=True, **SETTINGS))
    tags = MlflowClient().get_run(outcome.run_id).data.tags
    assert tags[schema.DATA_SKIPPED] == "gta5/train 8, cityscapes/train 1, cityscapes/val 1"
    assert "scores on this split use only these" in caplog.text

    settings = {"checkpoint": f"runs:/{outcome.run_id}/checkpoints/last.pt", "source": None, "data_root": "data"}
    with pytest.raises(DataError, match="cityscapes/val: 1 of 2 samples cannot be used: 1 black"):
        evaluate(EvaluateConfig.of(**settings))
    scored = evaluate(EvaluateConfig.of(**settings, skip_bad=True))
    assert [row["sample"] for row in rows(scored.run_id, SKIPPED)] == ["val/aachen_000000_000019"]
    assert scored.metrics["target/mIoU"] == outcome.metrics["target/mIoU"]


def test_a_run_does_not_go_on_when_other_samples_have_gone_bad(wrong, tmp_path):
    settings = {**SETTINGS, "skip_bad": True}
    run_id = carry_out(request("pretrain", **settings)).run_id
    carry_out(request("pretrain", resume=run_id, max_iters=5))
    (tmp_path / "data/GTA5/images/00001.png").unlink()
    with pytest.raises(DataError, match="the run cannot continue, its data has changed"):
        carry_out(request("pretrain", resume=run_id, max_iters=6))


def test_nothing_left_is_refused(wrong, tmp_path):
    for path in (tmp_path / "data/GTA5/images").iterdir():
        path.unlink()
    with pytest.raises(DataError, match="12 of 12 samples cannot be used: (?s:.*)No sample is left"):
        carry_out(request("pretrain", skip_bad=True, **SETTINGS))


def test_to_leave_samples_out_is_not_advised_where_none_is_left(wrong, tmp_path):
    for path in (tmp_path / "data/GTA5/images").iterdir():
        path.unlink()
    for carry_on in (lambda: carry_out(request("pretrain", **SETTINGS)), lambda: validate(config())):
        with pytest.raises(DataError, match="12 of 12 samples cannot be used") as error:
            carry_on()
        assert "skip_bad" not in str(error.value)


def config(**changes):
    return ValidateConfig.of(**{"source": "gta5", "target": "cityscapes", "data_root": "data", **changes})


def test_validate_reports_and_records_all_problems_and_fails(wrong, tmp_path):
    spoil(tmp_path)
    shown = []
    with pytest.raises(
        DataError, match="(?s)gta5/train: 8 of 12.*cityscapes/val: 1 of 2.*with -P skip_bad=true it leaves them out"
    ):
        validate(config(), show=shown.append)
    (run,) = MlflowClient().search_runs(["0"])
    assert (run.info.status, run.data.tags[schema.STAGE]) == ("FAILED", "validate")
    problems = rows(run.info.run_id, PROBLEMS)
    assert {row["sample"]: row["problem"] for row in problems if row["domain"] == "gta5"} == wrong
    assert [row["split"] for row in problems if row["domain"] == "cityscapes"] == ["train", "val"]
    assert {i.dataset.name for i in run.inputs.dataset_inputs} == {
        *("gta5/train", "gta5/val"),
        *("cityscapes/train", "cityscapes/val"),
    }
    report = mlflow.artifacts.load_text(f"runs:/{run.info.run_id}/validation/report.txt")
    assert report == "\n\n".join(shown) + "\n"
    assert not list(tmp_path.glob(".msl/*"))
    sheets = {f"{role}_{split}.png" for role in ("source", "target") for split in ("train", "val")}
    drawn = [folder for folder in (tmp_path / "validation").iterdir() if folder.suffix == ".png"]
    assert {path.name for path in drawn} == sheets
    logged = {Path(item.path).name for item in MlflowClient().list_artifacts(run.info.run_id, "validation")}
    assert logged == {path.name for path in drawn} | {"report.txt", "problems.csv", "classes.csv"}


def test_the_report_of_a_domain(wrong, tmp_path):
    for path in (tmp_path / "data/GTA5/labels").iterdir():
        half = np.full((24, 40), 7, np.uint8)
        half[12:] = 0
        factory.save_palette(half, path)
    shown = []
    with pytest.raises(DataError):
        validate(config(target=None, split="train"), show=shown.append)
    lines = shown[0].splitlines()
    assert lines[0] == "gta5/train: 5 of 12 samples cannot be used: 2 missing, 1 unreadable, 1 size mismatch, 1 black"
    assert lines[2] == "  sizes   9 of 40x24, 1 of 40x20"
    assert lines[3] == f"  road            50.00 %  {'█' * 30}"
    assert lines[4] == "  sidewalk         0.00 %"
    assert lines[22] == f"  ignored         50.00 %  {'█' * 30}"
    assert lines[lines.index("  black") + 1].endswith("GTA5/images/00010.png: the image is black")


def test_validate_of_sound_data_finishes(wrong):
    outcome = validate(config(source="streets", target="cityscapes", split="val"))
    run = MlflowClient().get_run(outcome.run_id)
    assert (run.info.status, run.info.run_name) == ("FINISHED", "validate streets cityscapes")
    assert rows(outcome.run_id, PROBLEMS) == []
    assert run.data.params["cfg.split"] == "val"


def test_validate_draws_samples_and_counts_classes_on_disk_and_in_the_run(wrong, tmp_path):
    shown = []
    outcome = validate(config(source="streets", target="cityscapes", split="val", output="pictures"), show=shown.append)
    assert "  drawn   pictures/source_val.png" in shown[0].splitlines()
    with Image.open(tmp_path / "pictures/source_val.png") as sheet:
        assert sheet.width == 4 * 426 + 6
    counted = rows(outcome.run_id, "validation/classes.csv")
    assert [row["class"] for row in counted[:2]] == ["road", "sidewalk"]
    assert {(row["role"], row["domain"], row["split"]) for row in counted} == {("target", "cityscapes", "val")}
    assert sum(float(row["percent"]) for row in counted) == pytest.approx(100, abs=0.01)


def test_validate_draws_nothing_where_no_sample_can_be_used(wrong, tmp_path):
    for path in (tmp_path / "data/GTA5/images").iterdir():
        path.unlink()
    shown = []
    with pytest.raises(DataError):
        validate(config(target=None, split="train"), show=shown.append)
    assert "drawn" not in shown[0]
    assert [path.name for path in (tmp_path / "validation").iterdir()] == ["classes.csv"]


def test_validate_reads_the_targets_training_images_without_labels(wrong, tmp_path):
    for path in (tmp_path / "data/Cityscapes/gtFine/train").rglob("*.png"):
        path.write_bytes(b"not to be read")
    validate(config(source=None))
    with pytest.raises(DataError, match="cityscapes/train: 2 of 2 samples cannot be used: 2 unreadable"):
        validate(config(source="cityscapes", target=None))


def test_validate_of_nothing_is_refused():
    with pytest.raises(ConfigError, match="nothing to check"):
        validate(config(source=None, target=None))
