"""Cheap mistakes are told at once: torch is not imported, and no run is opened."""

import json
import subprocess
import sys
from pathlib import Path

import own_data
import pytest
import yaml
from click.testing import CliRunner
from conftest import REPOSITORY
from mlflow.tracking import MlflowClient
from tiny import request

from entrypoints import adapt, pretrain
from msl.commands import find_command
from msl.errors import DataError
from msl.inputs.early import check_request
from msl.inputs.history import History
from msl.inputs.plan import plan_of
from msl.recipes import RECIPES, Request
from msl.runs import run as carry_out
from msl.tracking import finished_runs

# In a fresh interpreter: the command, its message, and whether torch or MLflow was imported.
SCRIPT = """
import sys
from msl.commands import main
try:
    main(sys.argv[1:])
except SystemExit as end:
    print("exit code", end.code)
print("torch" in sys.modules, "mlflow" in sys.modules)
"""
UNKNOWN = "domain 'gta6' is unknown"
MISTAKES = {
    "a source": (
        ["adapt", "--source", "gta6", "--target", "cityscapes"],
        "domain 'gta6' is unknown. Did you mean gta5",
    ),
    "a target": (["pretrain", "--recipe", "streets", "--target", "citiscapes"], "Did you mean cityscapes"),
    "a recipe": (["adapt", "--recipe", "street"], "recipe = 'street' is unknown. Did you mean streets"),
    "a label set": (["adapt", "--label_set", "cityscapes91"], "label_set"),
    "a style": (["stylize", "--style", "ambulanc"], "style = 'ambulanc': there is no folder ambulanc"),
    "a YAML file": (["adapt", "--source", "own.yaml", "--target", "streets_real"], "own.yaml: no such file"),
    "a folder of data": (["adapt", "--recipe", "gta5_cityscapes"], "gta5 needs a folder of data sets"),
    "a checkpoint": (["adapt", "--checkpoint", "x.pt"], "checkpoint = x.pt: no such file. Pass a path or runs:/"),
    "weights": (["pretrain", "--weights", "x.pth"], "weights = x.pth: no such file. Pass none, imagenet"),
    "a decoder": (["joint_adain", "--decoder", "x.pth"], "decoder = x.pth: no such file"),
    "an encoder": (["train_style", "--encoder", "x.pth"], "encoder = x.pth: no such file"),
    "a value": (["adapt", "--lambda_target", "-1"], "lambda_target"),
    "a warm-up": (
        ["adapt", "--epoch_iters", "none", "--warmup_iters", "2000"],
        "warmup_iters = 2000 is not smaller than the 1250 iterations of training: lower it",
    ),
    "a network to score": (["evaluate", "--checkpoint", "x.pt"], "checkpoint = x.pt: no such file"),
    "a web page as weights": (
        ["evaluate", "--checkpoint", "page.pth"],
        "It is a web page: the link",
    ),
    "a folder as checkpoint": (["predict", "--checkpoint", "data", "--images", "data", "--output", "y"], "is a folder"),
    "a YAML file's suffix": (["adapt", "--source", "tiles.yml", "--target", "x.yaml"], "Did you mean tiles.yaml?"),
    "a name without suffix": (
        ["adapt", "--source", "tiles", "--target", "streets"],
        "mean the file tiles.yaml",
    ),
    "a domain to score": (["evaluate", "--checkpoint", "runs:/a/b", "--target", "gta6"], UNKNOWN),
    "a network to pack": (["package", "--checkpoint", "x.pt"], "checkpoint = x.pt: no such file"),
    "images": (["predict", "--checkpoint", "runs:/a/b", "--images", "x", "--output", "y"], "images = x: no such file"),
    "a pattern of images": (
        ["predict", "--checkpoint", "runs:/a/b", "--images", "*/*.png", "--output", "y"],
        "no file matches",
    ),
    "a domain to check": (["validate", "--source", "gta6"], UNKNOWN),
    "a run to resume": (["adapt", "--resume", "c21a39f8"], "resume = c21a39f8: this is not the ID of a run. An ID"),
    "a reference to resume": (["pretrain", "--resume", f"runs:/{'0' * 32}"], "this is not the ID of a run"),
    "a dry run": (
        ["adapt", "--dry_run", "true", "--recipe", "streets", "--source", "gta6"],
        "domain 'gta6' is unknown",
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_told_before_torch_is_imported(mistake, tmp_path):
    arguments, message = MISTAKES[mistake]
    (tmp_path / "page.pth").write_text("<!DOCTYPE html><html>Sign in</html>")
    (tmp_path / "data").mkdir()
    (tmp_path / "tiles.yaml").touch()
    result = subprocess.run(
        [sys.executable, "-c", SCRIPT, *arguments],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": str(REPOSITORY), "PATH": "/usr/bin:/bin"},
        cwd=tmp_path,
        timeout=60,
    )
    assert message in result.stderr
    *_, code, imported = result.stdout.splitlines()
    assert code in ("exit code 1", "exit code 2")
    assert imported.split()[0] == "False"
    assert not (tmp_path / "mlflow.db").exists()


def test_a_dry_run_shows_what_would_be_done(tmp_path):
    result = CliRunner().invoke(adapt.main, ["--dry_run", "true", "--lambda_target", "0.09"])
    assert json.loads(result.stdout)["lambda_target"] == 0.09
    assert "group       adapt streets lambda_target=0.09\n" in result.stderr
    assert "parent      no finished run of pretrain with these settings, so it runs first\n" in result.stderr
    assert "streets: 1000 images in train, 100 images in val; streets_real: 1000 images" in result.stderr
    assert "iterations  700 + 250\n" in result.stderr
    assert "time        not estimated: no finished run of pretrain is like it\n" in result.stderr
    assert not (tmp_path / "mlflow.db").exists()


def test_a_dry_run_imports_neither_torch_nor_mlflow(store):
    result = subprocess.run(
        [sys.executable, "-c", SCRIPT, "adapt", "--dry_run", "true"],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": str(REPOSITORY), "PATH": "/usr/bin:/bin", "MLFLOW_TRACKING_URI": store},
        timeout=60,
    )
    assert result.stdout.splitlines()[-2:] == ["exit code 0", "False False"]


@pytest.mark.usefixtures("tiny_store")
def test_history_is_the_same_with_mlflow_and_without():
    parent = carry_out(request("pretrain")).run_id
    (past,) = History.of_store()._finished_runs("pretrain")
    ((run_id, tags, params, metrics),) = finished_runs("pretrain", 10)
    assert past.run_id == run_id == parent
    assert past.params == params
    assert past.metrics == pytest.approx(metrics, nan_ok=True)
    assert {name: past.tags[name] for name in tags} == tags


@pytest.mark.parametrize(("stage", "changes"), [("adapt", {"max_iters": 4}), ("bn", {"bn_images": 4})])
def test_one_domain_in_both_roles_is_mentioned_once(stage, changes, tmp_path, caplog):
    source, _ = own_data.two_domains(tmp_path)
    overrides = {**changes, "source": str(source), "target": f"{tmp_path}/./{source.name}"}
    same = Request.of(stage=stage, recipe="streets", overrides=overrides)
    for _ in range(2):
        check_request(same)
    assert caplog.text.count("the target has no images that are new to the network") == 1


def test_a_dry_run_without_the_data_says_what_is_missing():
    result = CliRunner().invoke(pretrain.main, ["--dry_run", "true", "--recipe", "gta5_cityscapes"])
    assert result.exit_code == 0
    assert "data        gta5 needs a folder of data sets" in result.stderr
    assert "iterations  80000\n" in result.stderr


@pytest.mark.usefixtures("tiny_store")
def test_a_dry_run_knows_finished_runs():
    parent = carry_out(request("adapt").for_parent("pretrain"))
    plan = plan_of(request("adapt"))
    assert plan["parent"].startswith(f"run {parent.run_id}, if its data and code are unchanged")
    assert (plan["iterations"], plan["time"]) == ("4", "not estimated: no finished run of adapt is like it")
    again = plan_of(request("adapt").for_parent("pretrain"))
    assert again["time"].startswith("about ")
    assert f"as fast as run {parent.run_id[:8]}" in again["time"]
    assert len(MlflowClient().search_runs(["0"])) == 1
    other = plan_of(request("adapt", network="deeplabv3plus", freeze_bn=True))
    assert other["parent"].startswith("no finished run")


def test_own_data_is_checked_by_its_files(tmp_path):
    source, target = own_data.two_domains(tmp_path)
    checked = request("adapt", source=str(source), target=str(target))
    check_request(checked)
    assert "6 images in train, no split val" in plan_of(checked)["data"]
    for image in Path(tmp_path / "B").glob("*.png"):
        image.unlink()
    assert "no file matches" in plan_of(checked)["data"]


def test_a_source_without_labels_is_refused_before_a_run(tmp_path):
    source, target = own_data.two_domains(tmp_path)
    with pytest.raises(DataError, match="B: split 'train' needs labels, but its file gives no pattern for them"):
        check_request(request("adapt", source=str(target), target=str(source)))
    pattern = yaml.safe_load(source.read_text())["splits"]["train"]["labels"]
    source.write_text(source.read_text().replace(pattern, f"elsewhere/{pattern}"))
    checked = request("adapt", source=str(source), target=str(target))
    with pytest.raises(DataError, match=r"A: none of the \d+ images in split 'train' has its label file.*/elsewhere/"):
        check_request(checked)
    assert "has its label file" in plan_of(checked)["data"]


def test_every_recipe_is_listed():
    lines = CliRunner().invoke(find_command("recipes")).output.splitlines()
    assert [line.split()[0] for line in lines] == ["recipe", *RECIPES]
    streets = next(line for line in lines if line.startswith("streets "))
    assert "streets → streets_real" in streets
    assert "deeplabv2 mobilenet_v2 x0.5" in streets
    assert "256x128" in streets
    assert "700 + 250" in streets
    times = {line.split()[0]: line.split("  ")[-1].strip() for line in lines}
    assert times["gta5_cityscapes"] == "1.5 days, GPU (estimated)"
    assert times["paper/trans"] == "3 days, GPU (estimated), and the copies"
    assert times["paper/joint_decoder"] == times["gta5_cityscapes_deeplabv3p"] == "not known"
