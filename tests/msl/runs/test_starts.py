"""Where adaptation starts: the same references everywhere, settings from the file, and heads for other classes."""

import shutil
from pathlib import Path

import pytest
import torch
from mlflow.tracking import MlflowClient
from tiny import checkpoint, request, varied_checkpoint

from msl import schema
from msl.checkpoints import read
from msl.config import EvaluateConfig, FileConfig, PackageConfig, PredictConfig
from msl.data.titles import domain_title
from msl.errors import CheckpointError
from msl.inputs.networks import find_network
from msl.labels import find_label_set
from msl.runs import run as carry_out
from msl.runs.starts import fetch
from msl.serving import package
from msl.stages.evaluate import evaluate
from msl.tracking import connect, find_weights
from msl.weights import load_file

pytestmark = pytest.mark.usefixtures("tiny_store")


@pytest.fixture
def run_id(tmp_path):
    """A run with a best and a last checkpoint, which are different networks."""
    client = MlflowClient()
    run = client.create_run("0", tags={schema.STAGE: "pretrain", schema.GROUP: "pretrain tiny"}).info.run_id
    for name, step in (("best.pt", 2), ("last.pt", 3)):
        client.log_artifact(run, varied_checkpoint(tmp_path / name, step=step), schema.CHECKPOINT_FOLDER)
    client.set_terminated(run)
    return run


def test_references_are_the_same_everywhere(run_id, tmp_path):
    client = connect()
    package(PackageConfig.of(checkpoint=f"runs:/{run_id}", name="streets", alias="champion", crop_size=(64, 32)))
    shutil.copy(tmp_path / "best.pt", tmp_path / "copy.pt")
    references = {
        f"runs:/{run_id}": 2,
        f"runs:/{run_id}/": 2,
        f"runs:/{run_id}/checkpoints": 2,
        f"runs:/{run_id}/checkpoints/last.pt": 3,
        "models:/streets@champion": 2,
        "models:/streets/1": 2,
        "copy.pt": 2,
        str(tmp_path / "last.pt"): 3,
    }
    for number, (reference, step) in enumerate(references.items()):
        assert find_network(client, reference, tmp_path / f"used{number}").checkpoint.step == step, reference
        start = fetch(client, "checkpoint", reference, None, tmp_path / f"start{number}")
        last = 3 if reference.startswith("runs:/") else step  # training starts from the last: target labels chose best
        assert start.checkpoint().step == last, reference
        assert start.run_id == (run_id if reference.startswith("runs:/") else None)


def test_evaluate_takes_a_model_and_a_run(run_id):
    package(PackageConfig.of(checkpoint=f"runs:/{run_id}", name="streets", crop_size=(64, 32)))
    domains = {"source": None, "target": "tiny_real.yaml", "crop_size": (64, 32), "eval_images": 1, "num_workers": 0}
    scores = [
        evaluate(EvaluateConfig.of(checkpoint=reference, panels=0, **domains)).metrics["target/mIoU"]
        for reference in (f"runs:/{run_id}", "models:/streets/1")
    ]
    assert scores[0] == scores[1]


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ("0" * 32, f"no such file. If this is the ID of a run, pass runs:/{'0' * 32}"),
        ("https://host/net.pth", "If this is an address, download the file"),
        ("runs:/", "this is no run. Pass a path or runs:/RUN_ID"),
        ("models:/streets", "no such model of msl: .* Pass models:/NAME@ALIAS"),
        ("folder", r"this is a folder. Name the file of weights in it. It holds folder/net.pt"),
    ],
)
def test_what_is_no_reference_is_told_with_the_forms_that_are(reference, message, tmp_path):
    varied_checkpoint(tmp_path / "folder" / "net.pt")
    with pytest.raises(CheckpointError, match=f"checkpoint = {reference}: .*{message}"):
        find_weights(connect(), reference, tmp_path / "start")


def test_a_file_below_data_root_is_taken(tmp_path):
    varied_checkpoint(tmp_path / "data" / "net.pt")
    file = find_weights(connect(), "net.pt", tmp_path / "start", root=tmp_path / "data")
    assert file.path == tmp_path / "data" / "net.pt"


def adapt(**changes):
    return carry_out(request("adapt", **{"checkpoint": "net.pt", "max_iters": 1, "panels": 0} | changes)).run_id


def test_the_file_decides_the_network_where_nobody_typed_a_setting(tmp_path, the_run, caplog):
    caplog.set_level("INFO", "msl")
    varied_checkpoint(tmp_path / "net.pt")  # width 0.25, dilations 1,2
    run_id = adapt()
    assert "net.pt decides the network: dilations = 1,2" in caplog.text
    typed = request("adapt", checkpoint="net.pt", max_iters=1, panels=0, dilations=(1, 2))
    assert the_run(run_id)["msl.group"] == typed.group_name(domain_title)
    assert the_run(run_id)["cfg.dilations"] == "1,2"
    assert checkpoint(run_id)["model"]["dilations"] == "1,2"


def test_a_setting_that_was_typed_and_differs_is_refused_with_the_option_to_paste(tmp_path):
    varied_checkpoint(tmp_path / "net.pt")
    with pytest.raises(
        CheckpointError, match=r"dilations = 1,2; the settings ask for dilations = 6,12. Pass dil.*=1,2"
    ):
        adapt(dilations=(6, 12))
    with pytest.raises(CheckpointError, match=r"multi = False; .*Pass multi=false or head=new for a new head"):
        adapt(multi=True)


def test_another_program_may_say_what_its_files_do_not(tmp_path):
    varied_checkpoint(tmp_path / "net.pt")
    with pytest.raises(CheckpointError, match=r"dilations = 1,2; the settings ask for dilations = 6,12,18,24"):
        find_network(connect(), "net.pt", tmp_path, FileConfig.of(dilations="6,12,18,24"))
    for config, needed in ((EvaluateConfig, {}), (PredictConfig, {"images": "i", "output": "o"}), (PackageConfig, {})):
        assert config.of(checkpoint="net.pt", dilations="6,12,18,24", **needed).file.dilations == (6, 12, 18, 24)


def test_other_classes_need_a_new_head(tmp_path, caplog):
    caplog.set_level("INFO", "msl")
    path = varied_checkpoint(tmp_path / "net.pt", "camvid11")
    with pytest.raises(CheckpointError, match=r"predicts 11 classes \(sky, .*the data has 19 \(road, .*Pass head=new"):
        adapt()
    run_id = adapt(head="new", multi=True, lr=1e-9)
    saved, old = checkpoint(run_id), read(tmp_path / "net.pt")
    assert saved["classes"] == list(find_label_set("cityscapes19").classes)
    name = "backbone.network.features.0.0.weight"
    assert torch.allclose(saved["weights"][name], old.weights[name], atol=1e-6)
    assert saved["weights"]["main_head.0.weight"].shape[0] == 19
    assert any(name.startswith("aux_head.") for name in saved["weights"])
    assert f"the backbone is that of {path}" in caplog.text.replace("net.pt", path)
    assert "19 classes in place of the file's 11" in caplog.text


def test_classes_without_names_are_those_of_data_with_as_many(tmp_path, caplog):
    numbers = [f"class {number}" for number in range(19)]
    palette = [[number, 0, 0] for number in range(19)]
    for name, classes in (("net.pt", numbers), ("named.pt", list(find_label_set("cityscapes19").classes))):
        content = load_file(Path(varied_checkpoint(tmp_path / name, classes=classes, palette=palette)))
        torch.save(content | {"label_set": "net"}, tmp_path / name)
    scored = {"source": None, "target": "tiny_real.yaml", "crop_size": (64, 32), "num_workers": 0, "panels": 0}
    scores = [evaluate(EvaluateConfig.of(checkpoint=name, **scored)).metrics for name in ("net.pt", "named.pt")]
    assert scores[0] == scores[1]
    assert "net.pt does not name its classes: they are taken to be road, sidewalk, " in caplog.text
    assert checkpoint(adapt())["classes"] == list(find_label_set("cityscapes19").classes)
    with pytest.raises(CheckpointError, match=r"net.pt predicts 19 classes \(class 0, .*the data has 11 \(sky"):
        adapt(label_set="camvid11")
