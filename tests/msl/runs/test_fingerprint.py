"""Which edits of the code, the data and the settings let a finished run serve, and which do not."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from mlflow.tracking import MlflowClient
from tiny import request

import msl
from msl.config.catalog import BACKBONES, NETWORKS, OPTIMIZERS, STAGES, TARGET_OBJECTIVES
from msl.runs import run as carry_out
from msl.runs.supplies import Supplies
from msl.tracking import lineage
from msl.tracking.closure import CODE, SourceTree

PARENT = request("adapt").for_parent("pretrain")


def edited(tmp_path, file, old, new):
    """The package as it would be after an edit; a file that does not exist yet is made."""
    copy = tmp_path / "edited" / "msl"
    shutil.copytree(Path(msl.__file__).parent, copy, ignore=shutil.ignore_patterns("__pycache__"))
    path = copy / file
    if old is None:
        path.write_text(new)
    else:
        source = path.read_text()
        assert old in source
        path.write_text(source.replace(old, new, 1))
    return SourceTree(copy)


EDITS = {
    "a new objective": ("losses/new.py", None, "def new(p):\n    return p\n", True),
    "a new data set": ("data/new.py", None, "NEW = 1\n", True),
    "a registered objective": ("config/catalog.py", '"hard": ', '"new": "msl.losses.new:new",\n        "hard": ', True),
    "a registered data set": ("data/catalog.py", "import difflib", "import difflib\nimport abc", True),
    "a docstring": ("losses/supervised.py", '"""Mean over the pixels', '"""The mean over the pixels', True),
    "a comment": ("training/loop.py", "while not", "# Until the end.\n    while not", True),
    "the maximum squares loss": ("losses/max_square.py", "2 * prob.shape[1]", "3 * prob.shape[1]", True),
    "the entropy": ("losses/entropy.py", "/ prob.shape[1]", "/ 2", True),
    "another backbone": ("models/backbones/resnet.py", '"layer5"', '"layer7"', True),
    "another network": ("models/deeplabv3plus.py", "_WIDTH = 256", "_WIDTH = 128", True),
    "a layout of files that is not read": (
        "data/gta5.py",
        "\n\n\ndef ",
        "\n\n\ndef _unused() -> None: ...\n\n\ndef ",
        True,
    ),
    "scores": ("metrics/confusion.py", "100 *", "99 *", True),
    "a panel": ("scoring/panels.py", "_CELL = ", "_CELL = 1 + ", True),
    "a recorded name": ("schema/tags.py", 'CLEANED: Final = "msl.cleaned"', 'CLEANED: Final = "msl.cleaned_at"', True),
    "tracking": ("tracking/direct.py", "BATCH_ROWS = ", "BATCH_ROWS = 1 + ", True),
    "the cross entropy": ("losses/supervised.py", "mean_over_pixels(surprise, labelled)", "surprise.sum()", False),
    "what it is made of": ("numerics/bands.py", "ranks.mean(value)", "value.sum()", False),
    "the backbone": ("models/backbones/mobilenet.py", "0.9 * scaled", "0.8 * scaled", False),
    "the network": ("models/deeplabv2.py", "std=0.01", "std=0.02", False),
    "the loop": ("training/loop.py", "state.step += 1", "state.step += 2", False),
    "the schedule": ("training/schedules.py", "remaining**self.power", "remaining", False),
    "the transforms": ("data/transforms.py", "_MIRRORED = 0.5", "_MIRRORED = 0.4", False),
    "the generator of the data": ("streets/render.py", "\ndef ", "\nX = 1\n\n\ndef ", False),
}


@pytest.fixture
def finished(tiny_store):
    return f"runs:/{carry_out(PARENT).run_id}/checkpoints/last.pt"


def serving(wanted=PARENT):
    """Reference of the finished run that serves."""
    return Supplies(MlflowClient(), make=lambda request: pytest.fail("nothing is to be run")).find(wanted)


def test_edits_that_a_stage_does_not_run_keep_its_results(finished, tmp_path, monkeypatch):
    served = {}
    for name, (file, old, new, _) in EDITS.items():
        monkeypatch.setattr(lineage, "CODE", edited(tmp_path / name.replace(" ", "_"), file, old, new))
        served[name] = serving() == finished
    assert served == {name: keeps for name, (*_, keeps) in EDITS.items()}


@pytest.mark.parametrize("change", [{"seed": 1}, {"width": 0.3}, {"gaussian_blur": True}, {"precision": "bfloat16"}])
def test_another_setting_needs_another_run(finished, change):
    assert serving() == finished
    assert serving(request("adapt", **change).for_parent("pretrain")) is None


def test_weights_are_known_by_the_content_of_their_file(tiny_store, tmp_path):
    import torch

    from msl.config import ModelConfig
    from msl.models import build_model

    backbone = build_model(ModelConfig(width=0.25)).backbone.network.state_dict()
    torch.save(backbone, tmp_path / "start.pth")
    wanted = request("adapt", weights="start.pth").for_parent("pretrain")
    reference = f"runs:/{carry_out(wanted).run_id}/checkpoints/last.pt"
    assert serving(wanted) == reference
    torch.save({name: value + 0.01 for name, value in backbone.items()}, tmp_path / "start.pth")
    assert serving(wanted) is None


@pytest.mark.parametrize("spelling", ["./tiny.yaml", "{folder}/tiny.yaml", "copied/other_name.yaml"])
def test_a_domain_is_known_by_its_content_and_not_by_the_path_that_is_typed(finished, spelling, tmp_path):
    (tmp_path / "copied").mkdir()
    shutil.copy(tmp_path / "tiny.yaml", tmp_path / "copied" / "other_name.yaml")
    assert serving(request("adapt", source=spelling.format(folder=tmp_path)).for_parent("pretrain")) == finished


def test_a_domain_of_that_name_with_other_content_needs_another_run(finished, tmp_path):
    file = tmp_path / "tiny.yaml"
    whole = file.read_text()
    for line in ("seed: 4", "classes: [road, sky, car]"):
        file.write_text(f"{whole}{line}\n")
        assert serving() is None
    file.write_text(whole)
    assert serving() == finished


def test_a_limit_that_stops_nothing_changes_nothing(tiny_store):
    limited, free = (request("pretrain", max_iters=n, iter_max=3, iter_stop=None) for n in (3, None))
    reference = f"runs:/{carry_out(limited).run_id}/checkpoints/last.pt"
    assert serving(free) == reference
    assert serving(request("pretrain", max_iters=2, iter_max=3, iter_stop=None)) is None


def test_a_run_that_went_on_serves_for_the_iterations_it_has(finished):
    run_id = finished.split("/")[1]
    carry_out(request("pretrain", resume=run_id, max_iters=6))
    assert serving() is None
    assert serving(request("adapt", max_iters=6).for_parent("pretrain")) == finished


def test_a_run_of_other_code_that_went_on_serves_for_none(finished, tmp_path, monkeypatch):
    run_id = finished.split("/")[1]
    longer = request("adapt", max_iters=6).for_parent("pretrain")
    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(lineage, "CODE", edited(tmp_path, *EDITS["the loop"][:3]))
        carry_out(replace(request("pretrain", resume=run_id, max_iters=6), force=True))
        assert serving(longer) is None
    assert serving(longer) is None


@pytest.mark.parametrize("registry", [BACKBONES, NETWORKS, OPTIMIZERS, STAGES, TARGET_OBJECTIVES], ids=lambda r: r.kind)
def test_every_choice_is_code_that_a_fingerprint_can_read(registry):
    for name in registry:
        assert registry.module(name) in CODE.reached([registry.module(name)])
        assert callable(registry.load(name))
