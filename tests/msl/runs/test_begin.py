"""Whole stages on the tiny domains: what they record, where they start from, and that they repeat themselves."""

import json
from pathlib import Path

import mlflow.artifacts
import pytest
import torch
from mlflow.tracking import MlflowClient
from tiny import checkpoint, request

from msl import schema
from msl.config import EvaluateConfig, ModelConfig
from msl.config.catalog import OPTIMIZERS
from msl.errors import ConfigError
from msl.models import build_model
from msl.recipes import find_recipe
from msl.recipes.group_name import join_words
from msl.runs import run as carry_out
from msl.runs.supplies import find_stage
from msl.stages.evaluate import evaluate
from msl.tracking.closure import CODE

pytestmark = pytest.mark.usefixtures("tiny_store")


# What adapt runs first if it finds no such run.
PARENT = request("adapt").for_parent("pretrain")


def test_what_a_run_records(the_run, curves):
    outcome = carry_out(request("pretrain"))
    run = the_run(outcome.run_id)
    assert run["status"] == "FINISHED"
    assert run["name"] == f"{run['msl.group']} seed=0"
    assert run["msl.stage"] == "pretrain"
    assert run["msl.recipe"] == "streets"
    assert run["msl.group"].startswith("pretrain streets source=tiny@")
    assert len(run["msl.group"]) <= 80
    assert run["msl.data.source"].startswith("tiny/train@")
    assert run["msl.data.target"].startswith("tiny_real/val@")
    assert (run["msl.attempt"], len(run["msl.fingerprint"])) == ("1", 16)
    assert run["msl.heartbeat"].endswith("Z")
    assert (run["cfg.crop_size"], run["cfg.width"], run["cfg.label_set"]) == ("64,32", "0.25", "cityscapes19")

    logged = curves(outcome.run_id)
    steps = {name: sorted(step for metric, step in logged if metric == name) for name, _ in logged}
    assert steps["loss/source"] == steps["lr"] == steps["epoch"] == [2, 4]
    for domain in ("source", "target"):
        for score in ("mIoU", "fwIoU", "PA", "MPA", "mIoU_resized"):
            assert steps[f"{domain}/{score}"] == [4]
            assert steps[f"best/{domain}/{score}"] == steps[f"last/{domain}/{score}"] == [4]
            assert 0 <= logged[f"{domain}/{score}", 4] <= 100
        assert f"{domain}/IoU/road" in steps
    assert outcome.metrics["target/mIoU"] == logged["target/mIoU", 4] == logged["last/target/mIoU", 4]

    files = {a.path for folder in ("", "checkpoints", "evaluation", "panels") for a in listing(outcome.run_id, folder)}
    assert {
        *("config.json", "environment.txt", "checkpoints/best.pt", "checkpoints/last.pt"),
        *("evaluation/per_class.csv", "evaluation/confusion.csv"),
        *(f"panels/{role}_000004.{kind}" for role in ("source", "target") for kind in ("png", "json")),
    } <= files
    assert not Path(".msl", outcome.run_id).exists()  # what has been uploaded is not kept twice


def listing(run_id, folder):
    return MlflowClient().list_artifacts(run_id, folder or None)


def test_data_inputs_have_our_digests():
    run = MlflowClient().get_run(carry_out(request("adapt")).run_id)
    inputs = {(i.dataset.name, i.tags[0].value): i.dataset for i in run.inputs.dataset_inputs}
    assert set(inputs) == {
        *(("tiny/train", "source"), ("tiny/val", "source")),
        *(("tiny_real/train", "target"), ("tiny_real/val", "target")),
    }
    train = inputs["tiny/train", "source"]
    assert json.loads(train.source)["sha256"].startswith(train.digest)
    assert json.loads(train.profile) == {"images": 6}
    assert run.data.tags["msl.data.target"] == f"tiny_real/train@{inputs['tiny_real/train', 'target'].digest[:12]}"


def test_adapt_runs_its_parent_first_and_the_next_one_finds_it(the_run, curves):
    first = carry_out(request("adapt"))
    parent = the_run(stage="pretrain")
    assert parent["mlflow.parentRunId"] == first.run_id
    assert the_run(first.run_id)["msl.parent"] == parent["run_id"]
    assert ("target/mIoU", 0) in curves(first.run_id)  # what it starts from

    second = carry_out(request("adapt", lambda_target=0.5, target_mode="IW_maxsquare"))
    assert the_run(second.run_id)["msl.parent"] == parent["run_id"]
    assert the_run(stage="pretrain")["run_id"] == parent["run_id"]  # still the only one
    assert curves(second.run_id)["target/mIoU", 0] == curves(first.run_id)["target/mIoU", 0]
    assert curves(parent["run_id"])["target/mIoU", 4] == curves(first.run_id)["target/mIoU", 0]


@pytest.mark.parametrize("change", [{"seed": 1}, {"width": 0.3}, {"multi": True}, {"gaussian_blur": True}])
def test_a_parent_that_does_not_fit_is_not_taken_but_named(change, caplog):
    caplog.set_level("INFO", "msl")
    run_id = carry_out(PARENT).run_id
    carry_out(request("adapt", **change))
    stages = [run.data.tags[schema.STAGE] for run in MlflowClient().search_runs(["0"])]
    assert sorted(stages) == ["adapt", "pretrain", "pretrain"]
    (name,) = change
    assert f"nearest is run {run_id}, which differs in {name}=" in caplog.text


def test_a_parent_of_another_batch_is_named_with_the_way_to_have_one_for_both(caplog):
    caplog.set_level("INFO", "msl")
    run_id = carry_out(request("pretrain", batch_size=1)).run_id
    carry_out(request("adapt", batch_size=1))
    assert f"nearest is run {run_id}, which differs in batch_size=1, epoch_iters=4; a stage that runs" in caplog.text
    assert "from the recipe, unless you type optimizer, too. To start from it anyway, pass checkpoint=" in caplog.text


def test_a_parent_has_the_optimizer_that_was_given_with_all_its_settings(the_run):
    outcome = carry_out(request("adapt", optimizer="adamw", lr=1e-3, betas="0.8,0.99", clip_norm=1, warmup_iters=2))
    names = ("optimizer", "lr", "betas", "clip_norm", "warmup_iters", "weight_decay", "batch_size")
    for run in (the_run(outcome.run_id), the_run(stage="pretrain")):
        settings = [run[schema.param(name)] for name in names]
        assert settings == ["adamw", "0.001", "0.8,0.99", "1.0", "2", "0.0005", "2"]


def test_a_setting_that_the_optimizer_does_not_have_is_refused_before_a_run_is_opened():
    with pytest.raises(ConfigError, match="momentum = 0.8: optimizer = adamw has no such setting"):
        carry_out(request("pretrain", optimizer="adamw", momentum=0.8))
    assert not MlflowClient().search_runs(["0"])


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_stage_depends_on_the_code_of_its_own_optimizer_alone(name):
    config = find_recipe("streets").pretrain.edit(optimizer=name)
    reached = CODE.reached(find_stage("pretrain").modules(config))
    room = "msl.training.optimizers"
    assert {module for module in reached if module.startswith(room)} == {
        f"{room}.{part}" for part in ("build", "fused", "groups", "step", name)
    }


def test_the_target_does_not_decide_which_parent_fits(tmp_path, the_run):
    carry_out(PARENT)
    (tmp_path / "other.yaml").write_text("name: other\nlayout: streets_real\nsize: 64,32\ncount: {train: 4, val: 3}\n")
    carry_out(request("adapt", target="other.yaml"))
    assert the_run(stage="pretrain")["msl.data.target"].startswith("tiny_real/")


def test_an_unfinished_parent_is_not_taken():
    client = MlflowClient()
    run_id = carry_out(PARENT).run_id
    client.update_run(run_id, status="FAILED")
    outcome = carry_out(request("adapt"))
    assert client.get_run(outcome.run_id).data.tags[schema.PARENT] != run_id


@pytest.mark.parametrize("stage", ["pretrain", "adapt", "target_solo"])
def test_two_runs_of_one_seed_are_bit_identical(stage, curves):
    changes = {"round_num": 2, "epoch_each_round": 1, "target_solo_epoch": 1} if stage == "target_solo" else {}
    first, second = (carry_out(request(stage, multi=True, num_workers=n, **changes)) for n in (0, 1))
    assert curves(first.run_id) == curves(second.run_id)
    weights = [checkpoint(outcome.run_id)["weights"] for outcome in (first, second)]
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])


@pytest.fixture
def authors_file(tmp_path):
    """Weights as the authors of the loss save theirs, untrained."""
    model = build_model(ModelConfig(backbone="resnet101", preprocessing="caffe_bgr"))
    state = {}
    for name, weight in model.state_dict().items():
        state[name.removeprefix("backbone.network.").replace("main_head.", "layer6.conv2d_list.")] = weight
    torch.save({"state_dict": state, "iteration": 7}, tmp_path / "GTA5_source.pth")
    return str(tmp_path / "GTA5_source.pth")


def test_the_authors_files_are_adapted_and_scored_as_ours(authors_file, the_run):
    settings = {
        "backbone": "resnet101",
        "width": 1.0,
        "dilations": None,
        "checkpoint": authors_file,
        "max_iters": 1,
        "weights": "imagenet",
    }
    outcome = carry_out(request("adapt", **settings))
    run = the_run(outcome.run_id)
    assert (run["msl.parent"], run["cfg.preprocessing"], run["cfg.dilations"]) == (authors_file, "caffe_bgr", "6,12")
    assert checkpoint(outcome.run_id)["model"]["preprocessing"] == "caffe_bgr"

    # Resumed, it needs neither that file nor the weights that the settings name for a fresh start.
    Path(authors_file).rename(authors_file + ".moved")
    resumed = carry_out(request("adapt", resume=outcome.run_id, max_iters=2))
    assert checkpoint(resumed.run_id)["model"]["preprocessing"] == "caffe_bgr"
    Path(authors_file + ".moved").rename(authors_file)

    with pytest.raises(ConfigError, match="does not say what it was trained on: pass crop_size, source and target"):
        evaluate(EvaluateConfig.of(checkpoint=authors_file))
    domains = {"source": None, "target": "tiny_real.yaml", "crop_size": (64, 32), "eval_images": 1}
    scored = evaluate(EvaluateConfig.of(checkpoint=authors_file, **domains))
    assert the_run(scored.run_id)["msl.group"].startswith("evaluate GTA5_source target=tiny_real@")


def test_another_seed_gives_another_result(curves):
    first, second = (carry_out(request("pretrain", seed=seed)) for seed in (0, 1))
    assert curves(first.run_id)["loss/source", 4] != curves(second.run_id)["loss/source", 4]


def test_target_solo_leaves_the_source_from_its_epoch_on(curves):
    changes = {"round_num": 3, "epoch_each_round": 1, "target_solo_epoch": 1, "max_iters": 12}
    logged = curves(carry_out(request("target_solo", **changes)).run_id)
    steps = {part: [s for name, s in logged if name == f"loss/{part}"] for part in ("source", "target")}
    assert steps == {"source": [2, 4], "target": [2, 4, 6, 8, 10, 12]}
    assert logged["lr", 12] < logged["lr", 6]  # the clock goes on


def test_lambda_zero_trains_but_its_objective_adds_nothing(curves):
    logged = curves(carry_out(request("adapt", lambda_target=0)).run_id)
    assert logged["loss/target", 4] == 0


def test_best_is_by_target_miou_and_last_is_the_last(curves):
    logged = curves(carry_out(request("pretrain", max_iters=12)).run_id)
    scores = {step: value for (name, step), value in logged.items() if name == "target/mIoU"}
    (best_step,) = (step for name, step in logged if name == "best/target/mIoU")
    assert scores[best_step] == max(scores.values()) == logged["best/target/mIoU", best_step]
    assert logged["last/target/mIoU", 12] == scores[12]
    assert logged["best/source/PA", best_step] == logged["source/PA", best_step]


def test_a_checkpoint_by_its_run_and_by_its_path(the_run, tmp_path):
    parent = carry_out(request("pretrain")).run_id
    by_run = carry_out(request("adapt", checkpoint=f"runs:/{parent}/checkpoints/best.pt"))
    assert the_run(by_run.run_id)["msl.parent"] == parent
    path = mlflow.artifacts.download_artifacts(run_id=parent, artifact_path="checkpoints/last.pt", dst_path=tmp_path)
    by_path = carry_out(request("adapt", checkpoint=path))
    assert the_run(by_path.run_id)["msl.parent"] == path


def test_evaluate_scores_a_checkpoint_as_training_did(the_run, curves):
    trained = carry_out(request("pretrain"))
    checkpoint = f"runs:/{trained.run_id}/checkpoints/last.pt"
    outcome = evaluate(EvaluateConfig.of(checkpoint=checkpoint, eval_images=2, panels=1, num_workers=0))
    assert outcome.metrics == trained.metrics
    run = the_run(outcome.run_id)
    assert (run["msl.stage"], run["msl.parent"]) == ("evaluate", trained.run_id)
    assert run["msl.group"] == join_words(["evaluate", the_run(trained.run_id)["msl.group"]])
    assert {a.path for a in listing(outcome.run_id, "panels")} == {
        f"panels/{role}_000004.{kind}" for role in ("source", "target") for kind in ("png", "json")
    }
    per_class = mlflow.artifacts.load_text(f"runs:/{outcome.run_id}/evaluation/per_class.csv")
    assert per_class.splitlines()[1].startswith("evaluated,4,source,road,")


def test_evaluate_on_another_split_and_size_without_the_source():
    trained = carry_out(request("pretrain"))
    checkpoint = f"runs:/{trained.run_id}/checkpoints/best.pt"
    outcome = evaluate(EvaluateConfig.of(checkpoint=checkpoint, source=None, split="train", crop_size="96,48"))
    assert {name.partition("/")[0] for name in outcome.metrics} == {"target"}


def test_a_target_without_labels_is_trained_on_and_not_scored(tmp_path, curves, caplog):
    import data_factory as factory

    for i in range(4):
        factory.save(factory.picture(i, (64, 32)), tmp_path / f"bare/{i}.png")
    patterns = "splits: {train: {images: 'bare/*.png'}, val: {images: 'bare/*.png'}}"
    (tmp_path / "bare.yaml").write_text(f"name: bare\n{patterns}\n")
    logged = curves(carry_out(request("adapt", target="bare.yaml")).run_id)
    assert ("loss/target", 4) in logged
    assert ("last/source/mIoU", 4) in logged
    scores = [name for name, _ in logged if name.startswith(("target/", "best/"))]
    assert not [name for name in scores if not name.startswith("target/criteria/")]  # these need no labels
    assert ("target/criteria/SND", 4) in logged
    assert "it is not scored" in caplog.text
