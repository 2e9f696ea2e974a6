"""Makes the data of these tests with the code of an older version; README.md says how.

A run store with a run of every stage, one of them killed on its way, the experiment as `analysis export` writes it, and
what the older version says of it all. Everything goes through the command line, so that this runs on any version.
"""

import json
import lzma
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tarfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw

IDS = {"sky": 23, "road": 7, "building": 11, "car": 26, "vegetation": 21}  # Cityscapes'
ARCADE = {"sky": "#5aa0fa", "road": "#50505a", "building": "#be6e46", "car": "#e61e28", "vegetation": "#14aa28"}
CAMERA = {"sky": "#aab4be", "road": "#645f5a", "building": "#826e64", "car": "#78323c", "vegetation": "#465f3c"}
PAINTS = {"arcade": ARCADE, "camera": CAMERA}
DOMAIN = """\
name: {name}
root: {name}
ids: cityscapes
splits:
  train: {{images: "train/*.png", labels: "train_labels/*.png"}}
  val: {{images: "val/*.png", labels: "val_labels/*.png"}}
"""
GENERATED = "name: {name}\nlayout: {layout}\nsize: 64,32\ncount: {{train: 4, val: 2}}\n"

TRAINING = {
    "crop_size": "64,32",
    "width": 0.05,
    "dilations": 1,
    "batch_size": 2,
    "num_workers": 0,
    "panels": 0,
    "epoch_iters": 4,
    "log_every": 2,
    "weight_decay": 0,
}
FILES = {**TRAINING, "source": "arcade.yaml", "target": "camera.yaml"}
# Without momentum a checkpoint is half as large; with a part that stands still, most of it is its parent's.
SMALL = {"momentum": 0}
STILL_BACKBONE = {**SMALL, "backbone_lr_ratio": 1e-60}
STILL = {**STILL_BACKBONE, "head_lr_ratio": 1e-60}
LOOK = {"style": "photographs", "encoder": "vgg.pth"}
STYLE = {
    **LOOK,
    "content": "arcade.yaml,camera.yaml",
    "style_resize": 32,
    "style_crop": 32,
    "style_batch_size": 2,
    "style_iters": 6,
    "style_lr": 1e-3,
    "normalise_encoder": "false",
    "preview_every": 6,
    "previews": 0,
    "log_every": 2,
    "num_workers": 0,
}
PRETRAIN = {**FILES, **SMALL, "group": "pretrained", "multi": "true", "lr": 0.02, "max_iters": 60, "eval_every": 30}
ADAPTED = {**FILES, **STILL_BACKBONE, "multi": "true", "lr": 0.002, "eval_every": 4}
ADAPT = {**ADAPTED, "group": "adapted", "target_mode": "IW_maxsquare", "threshold": 0.5, "max_iters": 8}
JOINT = {**ADAPTED, **LOOK, "group": "joint", "style_training": "decoder", "max_iters": 4}
# From a backbone that is trained already, and slowly: other processors' rounding is not amplified then.
BACKBONE = "backbone.pth"
INTERRUPTED = {**FILES, "group": "interrupted", "weights": BACKBONE, "lr": 5e-4, "max_iters": 16}
INTERRUPTED |= {"log_every": 4, "eval_every": 16, "checkpoint_every": 3}  # saved within a logged interval
FLOATS = {"id": lzma.FILTER_LZMA2, "preset": 9 | lzma.PRESET_EXTREME, "lc": 0, "lp": 2}  # of four bytes each
KILLED_AT = 8  # logged steps after which the run is killed


def main() -> None:
    """Make everything in the folder that the command line names, which does not exist yet."""
    folder = Path(sys.argv[1]).absolute()
    (folder / "store").mkdir(parents=True)
    (folder / "whole").mkdir()
    for place in (folder / "store", folder / "whole"):
        write_inputs(place)
    with working_in(folder / "store"):
        run_ids = make_runs()
        make_outputs(run_ids)
    with working_in(folder / "whole"):
        shutil.copyfile(folder / "store" / BACKBONE, BACKBONE)
        whole = curve(run("pretrain", INTERRUPTED))
    (folder / "store" / "expected" / "interrupted.json").write_text(json.dumps(whole, indent=1))
    with working_in(folder / "store"):
        Path(BACKBONE).unlink()
        forget_this_machine(folder / "store")
    pack(folder, run_ids)


def write_inputs(place: Path) -> None:
    """Two domains of files and two generated ones, style images, and a thin VGG-19 by torchvision's names."""
    for seed, name in enumerate(PAINTS):
        (place / f"{name}.yaml").write_text(DOMAIN.format(name=name))
        for split, count in (("train", 6), ("val", 3)):
            for number in range(count):
                draw(place / name, split, number, np.random.default_rng([seed, count, number]))
    for name, layout in (("tiny", "streets"), ("tiny_real", "streets_real")):
        (place / f"{name}.yaml").write_text(GENERATED.format(name=name, layout=layout))
    for number, colour in enumerate([(200, 120, 60), (60, 80, 160)]):
        image = Image.new("RGB", (48, 40), colour)
        ImageDraw.Draw(image).ellipse((6, 6, 30, 30), fill=colour[::-1])
        (place / "photographs").mkdir(exist_ok=True)
        image.save(place / "photographs" / f"{number}.png")
    torch.manual_seed(0)
    channels = [3, 2, 2, 3, 3, 4, 4, 4, 4, 5]
    weights = {}
    for layer, inside, outside in zip((0, 2, 5, 7, 10, 12, 14, 16, 19), channels, channels[1:], strict=False):
        weights[f"features.{layer}.weight"] = torch.randn(outside, inside, 3, 3) * (2 / (9 * inside)) ** 0.5
        weights[f"features.{layer}.bias"] = torch.zeros(outside)
    torch.save(weights, place / "vgg.pth")


def draw(root: Path, split: str, number: int, rng: np.random.Generator) -> None:
    """A street and its labels."""
    horizon, left, right, car = (int(rng.integers(*bounds)) for bounds in ((10, 18), (14, 28), (36, 50), (8, 50)))
    shapes = {
        "sky": (0, 0, 63, horizon),
        "building": (0, horizon - 9, left, 31),
        "vegetation": (right, horizon - 6, 63, 31),
        "road": (0, horizon + 4, 63, 31),
        "car": (car, horizon + 2, car + 7, horizon + 8),
    }
    paints = PAINTS[root.name]
    image, label = Image.new("RGB", (64, 32), paints["building"]), Image.new("L", (64, 32), IDS["building"])
    for name, box in shapes.items():
        ImageDraw.Draw(image).rectangle(box, fill=paints[name])
        ImageDraw.Draw(label).rectangle(box, fill=IDS[name])
    for folder, picture in ((split, image), (f"{split}_labels", label)):
        (root / folder).mkdir(parents=True, exist_ok=True)
        picture.save(root / folder / f"{number}.png")


def make_runs() -> dict[str, str]:
    """A run of every stage; their IDs by name."""
    runs = {}
    for seed, suffix in ((0, ""), (1, " again")):
        runs["pretrain" + suffix] = run("pretrain", {**PRETRAIN, "seed": seed})
        start = {"checkpoint": last(runs["pretrain" + suffix]), "seed": seed, "panels": 1 - seed}
        runs["adapt" + suffix] = run("adapt", ADAPT | start)
    runs["deeplabv3p"] = deeplabv3p()
    runs["train_style"] = run("train_style", STYLE)
    start = {"checkpoint": last(runs["pretrain"]), "decoder": last(runs["train_style"])}
    runs["joint_adain"] = run("joint_adain", JOINT | start)
    keep_backbone(artifacts(runs["pretrain"]) / "checkpoints/last.pt")
    runs["interrupted"] = interrupt()
    for name in ("pretrain again", "adapt again"):  # scores alone: their checkpoints would be as large as the others'
        shutil.rmtree(artifacts(runs[name]) / "checkpoints")
    for name in ("pretrain", "adapt", "deeplabv3p", "joint_adain", "interrupted"):
        scored = {"checkpoint": last(runs[name]), "panels": 0, "num_workers": 0, "group": f"evaluated {name}"}
        runs[f"evaluate {name}"] = run("evaluate", scored)
    return runs


def make_outputs(run_ids: dict[str, str]) -> None:
    """What the older version answers: predictions, a styled copy, a table, an export."""
    expected = Path("expected")
    expected.mkdir()
    for file in Path("mlruns").rglob("environment.txt"):
        file.unlink()
    versions = {name: version(name) for name in ("torch", "numpy", "pillow")}
    (expected / "made.json").write_text(json.dumps({"runs": run_ids, "versions": versions}, indent=1))
    with leaving_no_run():
        answer = {"images": "camera/val", "output": "expected/predicted", "overlay": "none", "confidence": "map"}
        run("predict", {"checkpoint": f"runs:/{run_ids['adapt']}", **answer})
        copied = {"content": "arcade.yaml", "split": "val", "output": "copies", "num_workers": 0}
        run("stylize", {**LOOK, "decoder": last(run_ids["train_style"]), **copied})
    (styled,) = Path("copies").glob("*/val")
    shutil.copytree(styled, expected / "styled")
    shutil.rmtree("copies")
    table = say("analysis", "table", "--baseline", "pretrained", "--published", "none")
    (expected / "table.txt").write_text(table)
    say("analysis", "export", "export", "--experiment", "Default", "--artifacts")


def run(stage: str, settings: dict[str, object]) -> str:
    """ID of a run of a stage."""
    say(f"entrypoints.{stage}", *options(settings))
    return str(rows("select run_uuid from runs order by start_time desc")[0][0])


@contextmanager
def leaving_no_run() -> Iterator[None]:
    """Runs of this block are not in the store afterwards."""
    shutil.copyfile("mlflow.db", "before.db")
    yield
    Path("before.db").replace("mlflow.db")
    known = {run_id for (run_id,) in rows("select run_uuid from runs")}
    for folder in Path("mlruns/0").iterdir():
        if folder.name not in known:
            shutil.rmtree(folder)


def deeplabv3p() -> str:
    """ID of a run with DeepLabV3+, from a network that `thin_out` made small: BatchNorm gets to know it, then stays."""
    settings = {**TRAINING, **STILL, "source": "tiny.yaml", "target": "tiny_real.yaml", "eval_every": 40}
    with leaving_no_run():
        fresh = run("deeplabv3p", {**settings, "max_iters": 1})
        thin_out(artifacts(fresh) / "checkpoints/last.pt", Path("thin.pt"))
        settled = run("deeplabv3p", {**settings, "max_iters": 20, "checkpoint": "thin.pt"})
        shutil.copyfile(artifacts(settled) / "checkpoints/last.pt", "thin.pt")
    frozen = {"freeze_bn": "true", "max_iters": 4, "checkpoint": "thin.pt", "group": "deeplabv3p"}
    run_id = run("deeplabv3p", settings | frozen)
    Path("thin.pt").unlink()
    return run_id


def keep_backbone(checkpoint: Path) -> None:
    """A checkpoint's backbone as a file of weights by torchvision's names."""
    weights = torch.load(checkpoint, weights_only=True)["weights"]
    prefix = "backbone.network."
    backbone = {name.removeprefix(prefix): weight for name, weight in weights.items() if name.startswith(prefix)}
    torch.save(backbone, BACKBONE)


def interrupt() -> str:
    """ID of a run that was killed after a checkpoint, and after some steps more."""
    command = [sys.executable, "-m", "entrypoints.pretrain", *options(INTERRUPTED)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    logged = "select r.run_uuid from runs r join metrics m using (run_uuid) where r.status = 'RUNNING' and m.step >= ?"
    while not (killed := rows(logged, KILLED_AT)):
        assert process.poll() is None, "the run ended before it was killed"
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.wait()
    shutil.rmtree(".msl", ignore_errors=True)  # the copies beside the process, as on a machine that is gone
    run_id = str(killed[0][0])
    saved = torch.load(artifacts(run_id) / "checkpoints/last.pt", weights_only=True)
    print(f"killed: its last checkpoint is of step {saved['step']}", curve(run_id).keys())
    assert saved["step"] in (6, 9)
    return run_id


def thin_out(checkpoint: Path, thin: Path) -> None:
    """Round the weights, and zero most of the large ones: no width makes DeepLabV3+'s 1.5 million in the head fewer."""
    saved = torch.load(checkpoint, weights_only=True)
    for weight in saved["weights"].values():
        if weight.dim() == 4:
            rounded, sparse = weight.bfloat16().float().contiguous().view(-1), torch.zeros(weight.numel())
            share = max(1, weight.numel() // 1500)
            sparse[::share] = rounded[::share] * share**0.5
            weight.copy_(sparse.bfloat16().float().view(weight.shape))
    torch.save(saved, thin)


def curve(run_id: str) -> dict[str, float]:
    """What a run logged, without what the machine decides, by metric and step."""
    logged = rows("select key, step, value from metrics where run_uuid = ? order by key, step", run_id)
    return {f"{key} {step}": value for key, step, value in logged if not key.startswith(("speed/", "memory/"))}


def forget_this_machine(place: Path) -> None:
    """Put @ in the place of this folder in the run store, and remove what a run leaves beside it."""
    with closing(sqlite3.connect("mlflow.db")) as connection:
        with connection:
            for table, column in (("experiments", "artifact_location"), ("runs", "artifact_uri")):
                connection.execute(f"update {table} set {column} = replace({column}, ?, '@')", (str(place),))
        connection.execute("vacuum")
    shutil.rmtree(".msl", ignore_errors=True)


def pack(folder: Path, run_ids: dict[str, str]) -> None:
    """Three archives, none of them large.

    An export's artifacts are those of the store, so they are packed once. So is what checkpoints have in common, in one
    archive.
    """
    store = folder / "store"
    for exported in (store / "export/artifacts").iterdir():
        assert_same(exported, store / "mlruns/0" / exported.name / "artifacts")
    shutil.rmtree(store / "export/artifacts")
    related = tuple(f"mlruns/0/{run_ids[name]}/artifacts/checkpoints" for name in ("pretrain", "adapt", "joint_adain"))
    archives: dict[str, list[str]] = {"interrupted-1": [], "checkpoints-1": [], "store-1": []}
    for name in sorted(path.relative_to(store).as_posix() for path in store.rglob("*") if path.is_file()):
        archive = "checkpoints-1" if name.startswith(related) else "store-1"
        alone = name.startswith(f"mlruns/0/{run_ids['interrupted']}/artifacts/checkpoints")
        archives["interrupted-1" if alone else archive].append(name)
    for archive, members in archives.items():
        with (
            lzma.open(folder / f"{archive}.tar.xz", "w", filters=[FLOATS]) as file,
            tarfile.open(None, "w", file) as tar,
        ):
            for name in members:
                tar.add(store / name, name, filter=anonymous)


def anonymous(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    """A file without its owner and its time."""
    entry.uid = entry.gid = entry.mtime = 0
    entry.uname = entry.gname = ""
    return entry


def assert_same(one: Path, other: Path) -> None:
    names = [{path.relative_to(place): path for path in place.rglob("*") if path.is_file()} for place in (one, other)]
    assert names[0].keys() == names[1].keys(), (one, other)
    assert all(path.read_bytes() == names[1][name].read_bytes() for name, path in names[0].items())


def last(run_id: str) -> str:
    return f"runs:/{run_id}/checkpoints/last.pt"


def artifacts(run_id: str) -> Path:
    return Path("mlruns/0") / run_id / "artifacts"


def options(settings: dict[str, object]) -> list[str]:
    return [f"--{name}={value}" for name, value in settings.items()]


def say(module: str, *arguments: str) -> str:
    """What a command prints."""
    print(module, *arguments)
    return subprocess.run(
        [sys.executable, "-m", module, *arguments], stdout=subprocess.PIPE, text=True, check=True
    ).stdout


def rows(query: str, *values: object) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect("mlflow.db")) as connection:
        try:
            return connection.execute(query, values).fetchall()
        except sqlite3.OperationalError:  # no tables yet
            return []


@contextmanager
def working_in(place: Path) -> Iterator[None]:
    before = Path.cwd()
    os.chdir(place)
    try:
        yield
    finally:
        os.chdir(before)


if __name__ == "__main__":
    os.environ |= {"MLFLOW_TRACKING_URI": "sqlite:///mlflow.db", "OMP_NUM_THREADS": "1", "LOGNAME": "someone"}
    main()
