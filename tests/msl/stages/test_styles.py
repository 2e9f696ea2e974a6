"""Styles on the tiny domains: decoders are trained, domains copied, networks learn from copies and behind a style."""

import json
import subprocess
import sys
import time
from pathlib import Path

import data_factory
import numpy as np
import pytest
import torch
import yaml
from mlflow.tracking import MlflowClient
from PIL import Image
from tiny import artifact, checkpoint, request

from msl.checkpoints import load_network, read
from msl.config import EvaluateConfig, StyleLossConfig
from msl.data import open_domain
from msl.errors import CheckpointError, ConfigError, DataError
from msl.recipes import Request, catalog, small
from msl.runs import run as carry_out
from msl.runs.supplies import Supplies
from msl.stages.evaluate import evaluate
from msl.style import VGG, Encoder
from msl.style.front import front_of
from msl.training.callbacks import LowerOnPlateau, TrainDecoder
from msl.training.scaling import Scaling

pytestmark = pytest.mark.usefixtures("tiny_store", "vgg")

DECODER = {
    "content": "tiny.yaml,tiny_real.yaml",
    "style": "photographs",
    "encoder": "vgg.pth",
    "style_resize": 32,
    "style_crop": 32,
    "style_batch_size": 2,
    "style_iters": 4,
    "style_lr": 1e-3,
    "preview_every": 2,
    "previews": 1,
    "log_every": 1,
    "num_workers": 0,
}
COPY = {"style": "photographs", "encoder": "vgg.pth", "num_workers": 0}
JOINT = {"style": "photographs", "encoder": "vgg.pth"}


@pytest.fixture
def vgg(tmp_path: Path) -> None:
    """The weights of a thin VGG-19, and a folder of style photographs of several sizes."""
    torch.manual_seed(0)
    torch.save(Encoder(VGG(channels=(4, 6, 8, 10))).state_dict(), tmp_path / "vgg.pth")
    for seed, size in enumerate([(40, 48), (64, 36), (33, 33)]):
        data_factory.save(data_factory.picture(seed, size), tmp_path / "photographs" / f"{seed}.png")


def style_request(stage: str, recipe: str = "streets", resume: str | None = None, **settings: object) -> Request:
    return Request.of(stage=stage, recipe=recipe, overrides=settings, resume=resume)


@pytest.fixture
def decoder() -> str:
    """Reference of a trained decoder."""
    return f"runs:/{carry_out(style_request('train_style', **DECODER)).run_id}/checkpoints/last.pt"


def test_a_decoder_learns_and_shows_it(curves, the_run):
    run_id = carry_out(style_request("train_style", **DECODER)).run_id
    logged = curves(run_id)
    assert {metric for metric, _ in logged} == {"style/content", "style/style", "lr", "epoch"}
    assert all(value > 0 for (metric, _), value in logged.items() if metric.startswith("style/"))
    assert [logged["lr", step] for step in (1, 2)] == pytest.approx([1e-3, 1e-3 / (1 + 5e-5)])
    names = {file.path for file in MlflowClient().list_artifacts(run_id, "panels")}
    assert names == {"panels/style_000002.png", "panels/style_000004.png"}
    run = the_run(run_id)
    assert (run["msl.stage"], run["status"], run["cfg.style_weight"]) == ("train_style", "FINISHED", "10.0")


def test_a_resumed_decoder_ends_as_one_that_never_stopped():
    whole = carry_out(style_request("train_style", **DECODER)).run_id
    half = carry_out(style_request("train_style", **DECODER, max_iters=2)).run_id
    carry_out(style_request("train_style", resume=half, max_iters=4))
    ours, theirs = checkpoint(whole), checkpoint(half)
    assert ours["step"] == theirs["step"] == 4
    assert all(torch.equal(value, theirs["weights"][name]) for name, value in ours["weights"].items())


def test_a_decoder_may_start_from_another(decoder):
    warm = carry_out(
        style_request("train_style", **DECODER | {"style_iters": 1, "style_lr": 1e-4}, decoder=decoder)
    ).run_id
    old, new = checkpoint(decoder.split("/")[1])["weights"], checkpoint(warm)["weights"]
    assert all((old[name] - new[name]).abs().max() < 1e-3 for name in old if "decoder" in name)


@pytest.mark.parametrize("method", ["adain", "fourier", "colour"])
def test_a_copy_has_the_labels_of_what_it_was_made_of(method, tmp_path):
    data_factory.camvid(tmp_path)
    more = {"method": method, "content": "camvid_day", "data_root": str(tmp_path), "alpha": 0.5}
    if method == "adain":
        more["decoder"] = f"runs:/{carry_out(style_request('train_style', **DECODER)).run_id}/checkpoints/last.pt"
    copy = carry_out(style_request("stylize", **COPY, **more))
    plain, styled = (open_domain(name, tmp_path, "train") for name in ("camvid_day", copy.result))
    assert copy.images_made == len(plain) + len(open_domain("camvid_day", tmp_path, "val"))
    assert styled.name.startswith("camvid_day_photographs")
    assert styled.style["method"] == method
    assert styled.style["alpha"] == "0.5"
    for before, after in zip(plain, styled, strict=True):
        assert torch.equal(before.label, after.label)
        assert before.image.shape == after.image.shape
        assert not torch.equal(before.image, after.image)
    assert not list(Path(copy.result).parent.rglob("*.tmp"))


def test_half_a_style_lies_halfway(tmp_path):
    data_factory.camvid(tmp_path)
    settings = {**COPY, "method": "colour", "content": "camvid_day", "data_root": str(tmp_path)}
    copies = {alpha: carry_out(style_request("stylize", **settings, alpha=alpha)).result for alpha in (0.0, 0.5, 1.0)}
    images = {a: open_domain(str(file), tmp_path, "train")[0].image.float() for a, file in copies.items()}
    assert torch.equal(images[0.0], open_domain("camvid_day", tmp_path, "train")[0].image.float())
    inside = (images[1.0] > 0) & (images[1.0] < 255)  # what was clamped lies elsewhere
    halfway = (images[0.0] + images[1.0]) / 2
    torch.testing.assert_close(images[0.5][inside], halfway[inside], rtol=0, atol=1.01)


def test_a_network_trains_on_a_copy_and_its_lineage_says_so(decoder, the_run):
    copy = carry_out(style_request("stylize", **COPY, content="tiny.yaml", decoder=decoder))
    run_id = carry_out(request("pretrain", source=copy.result)).run_id
    run = the_run(run_id)
    assert run["msl.data.source"].startswith("tiny_photographs/train@")
    assert f"decoder={decoder}" in run["msl.data.source.style"]
    assert "alpha=1" in run["msl.data.source.style"]
    recorded = MlflowClient().get_run(run_id).inputs.dataset_inputs
    styles = [json.loads(data.dataset.source).get("style") for data in recorded]
    assert {"method": "adain", "style": "photographs"}.items() <= styles[0].items()


def test_generated_scenes_get_label_files(decoder):
    copy = carry_out(style_request("stylize", **COPY, content="tiny.yaml", decoder=decoder, image_format="jpeg"))
    plain, styled = open_domain("tiny.yaml"), open_domain(copy.result)
    assert len(styled) == len(plain) == 6
    assert all(torch.equal(a.label, b.label) for a, b in zip(plain, styled, strict=True))
    assert {path.suffix for path in (Path(copy.result).parent / "train").rglob("*.*") if path.name != ".lock"} == {
        ".jpg"
    }


def test_a_copy_of_generated_scenes_has_the_classes_that_their_file_describes(tmp_path):
    few = (tmp_path / "tiny.yaml").read_text().replace("name: tiny", "name: few")
    (tmp_path / "few.yaml").write_text(f"{few}classes: {{road: [9, 9, 9], sky: null, car: '#00ff00'}}\n")
    settings = {"style": "photographs", "method": "colour", "content": "few.yaml", "num_workers": 0}
    copy = carry_out(style_request("stylize", **settings))
    plain, styled = open_domain("few.yaml"), open_domain(copy.result)
    assert styled.label_set == plain.label_set
    assert all(torch.equal(a.label, b.label) for a, b in zip(plain, styled, strict=True))


def test_what_is_there_is_not_made_again(decoder):
    copy_request = style_request("stylize", **COPY, content="tiny.yaml", decoder=decoder)
    first = carry_out(copy_request)
    next((Path(first.result).parent / "train").rglob("[0-9]*.png")).unlink()
    times = {path: path.stat().st_mtime_ns for path in Path(first.result).parent.rglob("*.png")}
    again = carry_out(copy_request)
    assert (first.images_made, again.images_made) == (9, 1)
    assert all(path.stat().st_mtime_ns == when for path, when in times.items() if "labels" not in path.parts)
    assert carry_out(copy_request).images_made == 0


def test_a_killed_copy_is_completed_and_two_processes_share_it(tmp_path, tiny_store):
    (tmp_path / "many.yaml").write_text("name: many\nlayout: streets\nsize: 512,256\ncount: {train: 60, val: 1}\n")
    command = [sys.executable, "-m", "entrypoints.stylize", "--content", "many.yaml", "--method", "colour"]
    command += ["--style", "photographs", "--threads", "1", "--image_format", "png"]
    first = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    folder = _first(lambda: next(tmp_path.glob("styled/many_photographs*"), None))
    _first(lambda: len(_images(folder)) > 5)
    first.kill()
    first.wait()
    inodes = {path: path.stat().st_ino for path in _images(folder)}
    assert 5 < len(inodes) < 61, "killed in the middle"
    assert not list(folder.glob("*.yaml"))

    both = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) for _ in range(2)]
    said = [process.communicate()[0] for process in both]
    assert [process.returncode for process in both] == [0, 0]
    counts = [int(text.split(" images made")[0].rpartition("\n")[2]) for text in said]
    assert sum(counts) == 61 - len(inodes)
    assert all(path.stat().st_ino == inode for path, inode in inodes.items()), "nothing was done twice"
    assert len(_images(folder)) == 61
    assert len(open_domain(str(next(folder.glob("*.yaml"))), split="train")) == 60
    for path in _images(folder):
        np.asarray(Image.open(path))  # whole


def _images(folder: Path) -> list[Path]:
    return [path for split in ("train", "val") for path in (folder / split).rglob("*.png") if path.name[0] != "."]


def _first(look):
    for _ in range(600):
        if outcome := look():
            return outcome
        time.sleep(0.1)
    raise AssertionError("it did not come to that")


def test_a_copy_whose_source_changed_or_moved_is_refused(tmp_path):
    data_factory.camvid(tmp_path / "data")
    settings = {**COPY, "method": "colour", "content": "camvid_day", "data_root": str(tmp_path / "data")}
    copy = carry_out(style_request("stylize", **settings))
    frame = next((tmp_path / "data/camvid/train").glob("0016E5*"))
    data_factory.save(data_factory.picture(77), frame)
    with pytest.raises(DataError, match=r"camvid_day/train, whose images have changed since .* run stylize again"):
        carry_out(request("pretrain", source=copy.result, target=None))
    (tmp_path / "data").rename(tmp_path / "elsewhere")
    with pytest.raises(DataError, match="styled copy, whose labels are those of camvid_day: .*no such folder"):
        open_domain(copy.result)
    assert len(open_domain(copy.result, tmp_path / "elsewhere")) == 3


def test_samples_that_cannot_be_used_are_left_out_when_told(tmp_path):
    wrong = data_factory.damaged_gta5(tmp_path)
    settings = {**COPY, "method": "colour", "content": "gta5", "data_root": str(tmp_path), "split": "train"}
    with pytest.raises(DataError, match="samples cannot be used"):
        carry_out(style_request("stylize", **settings))
    copy = carry_out(style_request("stylize", **settings, skip_bad=True))
    skipped = yaml.safe_load(Path(copy.result).read_text())["content"]["skipped"]["train"]
    assert set(skipped) <= set(wrong)
    assert "missing" in {wrong[name] for name in skipped}
    assert open_domain(copy.result, tmp_path, "train", labelled=False).inspect().problems == []


@pytest.mark.parametrize(
    ("settings", "error", "told"),
    [
        ({"alpha": 1.5}, ConfigError, "alpha = 1.5"),
        ({"method": "colour", "style": "nowhere"}, ConfigError, "style = 'nowhere': there is no folder"),
        ({"method": "colour", "style_weights": "1,2"}, ConfigError, "2 weights for 3 style images"),
        ({"style_weights": "0,0,-1"}, ConfigError, "style_weights"),
        ({"encoder": "none.pth"}, CheckpointError, "encoder = none.pth: no such file"),
        ({"method": "colour", "content": "tiny_photographs.yaml"}, ConfigError, "tiny_photographs.yaml"),
        ({"decoder": "vgg.pth"}, CheckpointError, "does not fit"),
    ],
)
def test_bad_input_is_told(settings, error, told, tmp_path, the_run):
    with pytest.raises(error, match=told):
        carry_out(style_request("stylize", **{**COPY, "content": "tiny.yaml", "decoder": "vgg.pth"} | settings))
    assert not list(tmp_path.glob("styled/*/train/*"))


def test_an_empty_style_folder_is_told(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="no images in it"):
        carry_out(style_request("train_style", **DECODER | {"style": "empty"}))


def test_a_recipe_makes_what_it_needs_once(monkeypatch, the_run, tmp_path):
    def styled(recipe):
        named = {"source": "tiny_photographs", "target": "tiny_real.yaml"}
        styled_recipe = small.streets(recipe).copies(tiny_photographs="tiny.yaml").edit("pretrain", "adapt", **named)
        return styled_recipe.edit("train_style", **DECODER).edit("stylize", **COPY)

    monkeypatch.setitem(catalog.RECIPES, "styled", styled)
    plain = {k: v for k, v in request("adapt").overrides.items() if k not in ("source", "target")}
    run_id = carry_out(style_request("adapt", "styled", **plain)).run_id
    children = MlflowClient().search_runs(["0"], f"tags.`mlflow.parentRunId` = '{run_id}'")
    assert sorted(run.data.tags["msl.stage"] for run in children) == ["pretrain", "stylize"]
    assert the_run(run_id)["msl.data.source"].startswith("tiny_photographs/train@")
    assert the_run(run_id)["msl.group"].startswith("adapt styled ")
    again = carry_out(style_request("adapt", "styled", **plain | {"seed": 1})).run_id
    children = MlflowClient().search_runs(["0"], f"tags.`mlflow.parentRunId` = '{again}'")
    assert [run.data.tags["msl.stage"] for run in children] == ["pretrain"]  # of the other seed; the copy is there


@pytest.mark.parametrize("learns", ["frozen", "decoder", "end_to_end"])
def test_the_decoder_learns_what_it_is_told_to(learns, decoder, curves, the_run):
    outcome = carry_out(request("joint_adain", **JOINT, decoder=decoder, style_training=learns, style_lr=0.01))
    start, end = checkpoint(decoder.split("/")[1])["weights"], checkpoint(outcome.run_id)
    transfer_weights = {name.removeprefix("preprocessing.0.transfer."): value for name, value in end["weights"].items()}
    moved = {name: (transfer_weights[name] - start[name]).abs().max() > 0 for name in start}
    assert not any(changed for name, changed in moved.items() if name.startswith("encoder"))
    assert any(changed for name, changed in moved.items() if name.startswith("decoder")) == (learns != "frozen")
    assert ("style/style", 4) in curves(outcome.run_id) or learns != "decoder"
    run = the_run(outcome.run_id)
    assert (run["msl.style.decoder"], run["msl.stage"]) == (decoder, "joint_adain")

    scored = evaluate(EvaluateConfig.of(checkpoint=f"runs:/{outcome.run_id}/checkpoints/last.pt", eval_images=2))
    assert scored.metrics == outcome.metrics  # the style stands in front of the network there, too


@pytest.mark.parametrize("learns", ["decoder", "end_to_end"])
def test_a_resumed_joint_training_ends_as_one_that_never_stopped(learns, decoder, curves):
    settings = {**JOINT, "decoder": decoder, "style_training": learns, "plateau_factor": 0.5, "plateau_patience": 0}
    settings["checkpoint"] = f"runs:/{carry_out(request('pretrain', max_iters=1)).run_id}/checkpoints/last.pt"
    length = {"epoch_iters": 1, "round_num": 4, "checkpoint_every": 1, "log_every": 1}
    whole = carry_out(request("joint_adain", **settings, **length)).run_id
    half = carry_out(request("joint_adain", **settings, **length | {"max_iters": 2})).run_id
    carry_out(request("joint_adain", resume=half, max_iters=4))
    ours, theirs = checkpoint(whole), checkpoint(half)
    assert ours["step"] == theirs["step"] == 4
    assert [n for n, value in ours["weights"].items() if not torch.equal(value, theirs["weights"][n])] == []


def test_a_joint_training_does_not_go_on_with_other_style_images(decoder, tmp_path):
    start = f"runs:/{carry_out(request('pretrain', max_iters=1)).run_id}/checkpoints/last.pt"
    run_id = carry_out(request("joint_adain", **JOINT, decoder=decoder, checkpoint=start, max_iters=1)).run_id
    data_factory.save(data_factory.picture(9, (40, 48)), tmp_path / "photographs" / "0.png")
    with pytest.raises(DataError, match=r"its data has changed \(digests were style "):
        carry_out(request("joint_adain", resume=run_id, max_iters=2))


def test_a_decoder_serves_however_the_paths_of_its_images_are_typed(decoder, tmp_path):
    supplies = Supplies(MlflowClient(), make=lambda wanted: pytest.fail("nothing is to be run"))
    typed = {"content": f"./tiny.yaml,{tmp_path}/tiny_real.yaml", "style": f"{tmp_path}/photographs"}
    assert supplies.find(style_request("train_style", **DECODER | typed)) == decoder
    assert supplies.find(style_request("train_style", **DECODER | {"content": "tiny_real.yaml,tiny.yaml"})) is None


def test_bare_weights_of_a_decoder_make_another_copy_with_another_encoder(decoder, tmp_path):
    weights = checkpoint(decoder.split("/")[1])["weights"]
    bare = {name.removeprefix("decoder."): value for name, value in weights.items() if name.startswith("decoder.")}
    torch.save(bare, tmp_path / "decoder.pth")
    torch.manual_seed(1)
    torch.save(Encoder(VGG(channels=(4, 6, 8, 10))).state_dict(), tmp_path / "other.pth")
    settings = {**COPY, "content": "tiny.yaml", "split": "val", "decoder": "decoder.pth"}
    made = [carry_out(style_request("stylize", **settings | {"encoder": name})) for name in ("vgg.pth", "other.pth")]
    assert [copy.images_made for copy in made] == [3, 3]
    assert carry_out(style_request("stylize", **settings)).images_made == 0


def test_images_are_styled_as_a_copy_would_be(decoder):
    """In front of the network stands what stylize does, but for the rounding to 8 bits.

    Half a grey level, and half another: features that hardly vary amplify what the order of a sum changes.
    """
    settings = {**COPY, "content": "tiny.yaml", "decoder": decoder, "shuffle_styles": False}
    copy = carry_out(style_request("stylize", **settings))
    run_id = carry_out(request("joint_adain", **JOINT, decoder=decoder, max_iters=1)).run_id
    front = front_of(load_network(read(artifact(run_id, "checkpoints/last.pt")), Path(run_id)))
    assert front is not None
    with torch.no_grad():
        ours = front(open_domain("tiny.yaml")[0].image[None])[0] * 255
    theirs = open_domain(copy.result)[0].image.float()
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1)


def test_quarters_are_scored_whole_at_twice_their_size(decoder):
    settings = {**JOINT, "decoder": decoder, "quadrants": True, "crop_size": (32, 16)}
    run_id = carry_out(request("joint_adain", **settings)).run_id
    assert artifact(run_id, "panels/target_000004.png").is_file()
    assert checkpoint(run_id)["settings"]["crop_size"] == "32,16"


def test_a_style_checkpoint_is_no_segmentation_network(decoder):
    with pytest.raises(CheckpointError, match="stage train_style and holds no segmentation network"):
        carry_out(request("adapt", checkpoint=decoder))


def test_only_one_style_network_stands_in_front(decoder):
    first = carry_out(request("joint_adain", **JOINT, decoder=decoder)).run_id
    with pytest.raises(CheckpointError, match="has a style network in front of it already"):
        carry_out(request("joint_adain", **JOINT, decoder=decoder, checkpoint=f"runs:/{first}/checkpoints/last.pt"))


def test_the_learning_rate_falls_where_the_source_loss_does_not():
    weight = torch.nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.SGD([{"params": [weight], "lr": 1.0, "initial_lr": 1.0}])
    plateau = LowerOnPlateau(0.9, patience=1)
    rates = []
    for loss in (3.0, 2.0, 2.0, 2.5, 1.0, 1.0, 1.0):
        plateau._compare(loss, optimizer)
        rates.append(round(optimizer.param_groups[0]["initial_lr"], 6))
    assert rates == [1, 1, 1, 0.9, 0.9, 0.9, 0.81]


def test_the_decoders_rate_falls_as_in_the_port():
    decoder = torch.nn.Linear(1, 1)
    callback = TrainDecoder(decoder, StyleLossConfig(style_lr=0.1, style_lr_decay=0.5))

    class Step:
        step = 2
        scaling = Scaling()

    decoder(torch.ones(1, 1)).sum().backward()
    before = decoder.weight.item()
    callback.on_gradients(Step())
    assert before - decoder.weight.item() == pytest.approx(0.1 / 2, rel=1e-5)  # Adam's first step is the rate itself
    assert decoder.weight.grad is None
