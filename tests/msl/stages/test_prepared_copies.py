"""Training and scoring with prepared copies: the weights, scores and fingerprints of runs without them."""

import logging
import signal

import data_factory
import pytest
import torch
from click.testing import CliRunner
from mlflow.tracking import MlflowClient
from tiny import SETTINGS, checkpoint, request
from trainings import running_past, start, wait_for

from entrypoints import prepare
from msl.config import EvaluateConfig
from msl.recipes import Request
from msl.runs import run as carry_out
from msl.stages.evaluate import evaluate

pytestmark = pytest.mark.usefixtures("tiny_store")

# Sizes at which mirrored labels differ from those of mirrored images, and other ones for the target.
SIZES = {"crop_size": (32, 16), "target_crop_size": (40, 24)}


@pytest.fixture
def files(tmp_path):
    """Own data of image files, of one size for the source and of two sizes for the target."""
    for name, sizes in {"source": [(64, 32)], "target": [(96, 54), (70, 40)]}.items():
        for index in range(6):
            size = sizes[index % len(sizes)]
            picture = data_factory.picture(index, size)
            data_factory.save(picture, tmp_path / name / "images" / f"{index}.png")
            data_factory.save(picture[:, :, 0] // 14, tmp_path / name / "labels" / f"{index}.png")
        patterns = "{images: images/*.png, labels: labels/*.png}"
        (tmp_path / f"{name}.yaml").write_text(
            f"name: {name}\nroot: {name}\nids: train_ids\nsplits: {{train: {patterns}, val: {patterns}}}\n"
        )
    return {"source": "source.yaml", "target": "target.yaml", "eval_images": None, **SIZES}


def assert_same_weights(*runs):
    first, *others = (checkpoint(run.run_id) for run in runs)
    for other in others:
        assert all(torch.equal(first["weights"][name], other["weights"][name]) for name in first["weights"])
        assert torch.equal(first["random"]["cpu"], other["random"]["cpu"])


@pytest.mark.filterwarnings("ignore:This DataLoader will create")  # on a machine with two cores
def test_weights_scores_and_fingerprint_are_those_without_a_copy(files, tmp_path, curves):
    parent = carry_out(request("pretrain", **files))
    start_from = {"checkpoint": f"runs:/{parent.run_id}/checkpoints/last.pt"}
    plain = carry_out(request("adapt", **files, **start_from))
    cached = [carry_out(request("adapt", **files, **start_from, cache="copies", num_workers=n)) for n in (0, 3)]
    assert_same_weights(plain, *cached)
    for run in cached:
        assert curves(run.run_id) == curves(plain.run_id)
        assert run.fingerprint == plain.fingerprint
    names = {folder.name.rpartition("-")[0] for folder in (tmp_path / "copies").iterdir()}
    assert names == {"source-train-32x16", "source-val-32x16", "target-train-40x24", "target-val-40x24"}


def test_a_run_goes_on_with_a_copy_or_without(files, curves):
    long = {**files, "max_iters": 8}
    whole = carry_out(request("pretrain", **long))
    for first, then in (({}, {"cache": "copies"}), ({"cache": "copies"}, {"cache": None})):
        part = carry_out(request("pretrain", **{**files, "max_iters": 4}, **first))
        resumed = carry_out(request("pretrain", resume=part.run_id, max_iters=8, **then))
        assert_same_weights(whole, resumed)
        assert resumed.metrics == whole.metrics


def test_a_killed_run_with_a_copy_is_the_whole_run(files):
    long = {**files, "max_iters": 40, "checkpoint_every": 3}
    whole = carry_out(request("pretrain", **long))
    MlflowClient().delete_run(whole.run_id)
    settings = {**SETTINGS, **long, "recipe": "streets", "cache": "copies", "num_workers": 1}
    with start("pretrain", **{name: "none" if value is None else value for name, value in settings.items()}) as process:
        run_id = wait_for(running_past(8), process)
        process.send_signal(signal.SIGKILL)
    resumed = carry_out(request("pretrain", resume=run_id))
    MlflowClient().restore_run(whole.run_id)
    assert_same_weights(whole, resumed)


def test_generated_scenes_and_styled_copies(tmp_path):
    for seed, size in enumerate([(40, 48), (64, 36)]):
        data_factory.save(data_factory.picture(seed, size), tmp_path / "photographs" / f"{seed}.png")
    style = {"style": "photographs", "method": "colour", "content": "tiny.yaml", "num_workers": 0}
    copy = carry_out(Request.of(stage="stylize", recipe="streets", overrides=style)).result
    for source in ("tiny.yaml", copy):
        plain, cached = (
            carry_out(request("pretrain", source=source, **SIZES, **cache)) for cache in ({}, {"cache": "copies"})
        )
        assert_same_weights(plain, cached)


def test_evaluate_scores_alike(files, curves, tmp_path):
    trained = carry_out(request("pretrain", **files))
    scored = {"checkpoint": f"runs:/{trained.run_id}/checkpoints/last.pt", "num_workers": 0, "panels": 1}
    plain, first, second = (
        evaluate(EvaluateConfig.of(**scored, **cache)).metrics
        for cache in ({}, {"cache": "copies"}, {"cache": "copies"})
    )
    assert plain == first == second
    assert len(list((tmp_path / "copies").iterdir())) == 2


def test_a_folder_that_cannot_hold_a_copy_stops_no_training(files, tmp_path, caplog):
    (tmp_path / "copies").write_text("a file")
    plain, cached = (carry_out(request("pretrain", **files, **cache)) for cache in ({}, {"cache": "copies"}))
    assert_same_weights(plain, cached)
    assert "source/train at 32x16 is read from its files, which costs more time" in caplog.text


def test_prepare_makes_what_a_training_reads(files, tmp_path, caplog, monkeypatch):
    caplog.set_level(logging.INFO, "msl")
    typed = [f"--{name}={value}" for name, value in {"source": "source.yaml", "target": "target.yaml"}.items()]
    sizes = ["--crop_size=32,16", "--target_crop_size=40,24", "--recipe=streets", "--num_workers=0"]
    result = CliRunner().invoke(prepare.main, [*typed, *sizes, "--cache=copies"])
    assert result.exit_code == 0, result.output
    lines = [line for line in result.stdout.splitlines() if " images, " in line]
    assert [line.partition(":")[0] for line in lines] == ["source/train", "target/train", "source/val", "target/val"]
    caplog.clear()
    carry_out(request("pretrain", **files, cache="copies"))
    assert "resized once" not in caplog.text
    assert len(list((tmp_path / "copies").iterdir())) == 4


def test_prepare_fails_if_it_cannot(files, tmp_path):
    (tmp_path / "copies").write_text("a file")
    arguments = ["--source=source.yaml", "--target=none", "--crop_size=32,16", "--recipe=streets", "--cache=copies"]
    result = CliRunner().invoke(prepare.main, arguments)
    assert result.exit_code == 1
    assert "a copy cannot be made; the warning above says why" in result.output
