"""Trains every stage in one process and in several, and compares: weights, every logged number, the fingerprint.

``python tests/processes.py --counts 2,3``: forks joined by gloo, on generated streets. In double precision, because so
few pixels amplify what is rounded in another order. Style networks are in single precision, in which two threads in
place of one change a loss by 0.1 % in a step and by 3 % in ten: of them, the losses of the first step are compared.
"""

import argparse
import os
import sys
import tempfile
from collections.abc import Mapping
from contextlib import chdir
from math import isclose
from pathlib import Path
from typing import Any

import torch

sys.path.insert(0, str(Path(__file__).parent))
import data_factory
from mlflow.tracking import MlflowClient
from teams import trained
from tiny import SETTINGS, checkpoint, write_domains
from tolerances import GOLDEN

from analysis import open_store
from msl import schema
from msl.recipes import Request
from msl.style import VGG, Encoder

TEN = {"lr": 5e-4, "max_iters": 10, "epoch_iters": 5, "eval_every": 5, "eval_images": 3, "log_every": 1, "panels": 0}
TRAINING = {**SETTINGS, **TEN, "batch_size": 3, "multi": True}
STYLE = {"style": "photographs", "encoder": "vgg.pth"}
DECODER = {
    **STYLE,
    **{"content": "tiny.yaml,tiny_real.yaml", "style_resize": 32, "style_crop": 32, "style_batch_size": 3},
    **{"style_iters": 10, "preview_every": 5, "previews": 1, "log_every": 1, "num_workers": 0},
}
SOLO = {"round_num": 2, "epoch_each_round": 1, "target_solo_epoch": 1}
JOINT, END_TO_END = ({**STYLE, "style_training": learns} for learns in ("decoder", "end_to_end"))
PLUS = {"network": "deeplabv3plus"}  # the stage deeplabv3p is pretrain, or adapt, with this network
MACHINE, LOSSES = ("speed/", "memory/"), ("loss/", "style/")


STYLE_STAGES = ("train_style", "joint_adain")


def request(stage: str, **settings: Any) -> Request:
    return Request.of(stage=stage, recipe="streets", overrides=settings)


def difference(alone: str, together: str) -> str:
    """What differs between two runs beyond rounding; empty if nothing does."""
    weights, others = (checkpoint(run_id)["weights"] for run_id in (alone, together))
    for name, value in weights.items():
        if not torch.allclose(value, others[name], **GOLDEN):
            return f"{name}: {(value - others[name]).abs().max():.2g}"
    one, two = _curve(alone), _curve(together)
    if one.keys() != two.keys():
        return f"other rows: {sorted(one.keys() ^ two.keys())}"
    texts = [f"{key}: {one[key]} and {two[key]}" for key in one if not isclose(one[key], two[key], rel_tol=1e-6)]
    tags = [MlflowClient().get_run(run_id).data.tags for run_id in (alone, together)]
    return next(iter(texts), "") if tags[0][schema.FINGERPRINT] == tags[1][schema.FINGERPRINT] else "fingerprints"


def first_step_difference(alone: str, together: str) -> str:
    """The same for the losses of the first step in single precision."""
    one, two = _curve(alone), _curve(together)
    first = [key for key in one if key[1] == 1 and key[0].startswith(LOSSES)]
    texts = [f"{key}: {one[key]} and {two[key]}" for key in first if not isclose(one[key], two[key], rel_tol=5e-3)]
    return next(iter(texts), "") if first else "no losses"


def _curve(run_id: str) -> dict[tuple[str, int], float]:
    rows = open_store(os.environ["MLFLOW_TRACKING_URI"]).history([run_id])
    rows = rows[~rows["metric"].str.startswith(MACHINE)]
    return {(row.metric, row.step): row.value for row in rows.itertuples()}


def stages() -> Mapping[str, tuple[str, Mapping[str, Any]]]:
    """Stage and settings of each training, by a name."""
    started = {"checkpoint": f"runs:/{trained(1, request('pretrain', **TRAINING))}"}
    start = started | {"threshold": 0.5}
    decoder = {"decoder": f"runs:/{trained(1, request('train_style', **DECODER))}/checkpoints/last.pt"}
    frozen = {"freeze_bn": True}
    return {
        "pretrain": ("pretrain", TRAINING),
        "pretrain, clipped": ("pretrain", TRAINING | {"clip_norm": 1.0, "num_workers": 1}),
        "deeplabv3p": ("pretrain", TRAINING | PLUS | frozen),
        "adapt maxsquare": ("adapt", TRAINING | start | {"target_mode": "maxsquare", "extra_metrics": "ECE"}),
        "adapt IW_maxsquare": ("adapt", TRAINING | start | frozen | {"target_mode": "IW_maxsquare"}),
        "adapt entropy": ("adapt", TRAINING | start | {"target_mode": "entropy"}),
        "adapt IW_entropy": ("adapt", TRAINING | start | frozen | {"target_mode": "IW_entropy"}),
        "adapt hard": ("adapt", TRAINING | start | {"target_mode": "hard"}),
        "self_train": ("self_train", TRAINING | started | {"masking": "blocks", "sampling": "rare_classes"}),
        "target_solo": ("target_solo", TRAINING | start | SOLO),
        "joint_adain": ("joint_adain", TRAINING | start | decoder | JOINT),
        "joint_adain, end to end": (
            "joint_adain",
            TRAINING | start | decoder | STYLE | {"style_training": "end_to_end"},
        ),
        "train_style": ("train_style", DECODER | {"identity_weight": 1.0}),
    }


def prepare(folder: Path) -> None:
    """The domains and style images, in the working directory."""
    os.environ |= {"MLFLOW_TRACKING_URI": f"sqlite:///{folder}/mlflow.db", "MSL_CACHE": str(folder / "cache")}
    os.environ |= {"MSL_SENDER": "inline", "MSL_QUIET": "1"}
    torch.nn.Dropout.forward = lambda self, input: input  # each process draws its own, as it should
    write_domains(folder)
    torch.manual_seed(0)
    torch.save(Encoder(VGG(channels=(4, 6, 8, 10))).state_dict(), folder / "vgg.pth")
    for seed, size in enumerate([(40, 48), (64, 36), (33, 33)]):
        data_factory.save(data_factory.picture(seed, size), folder / "photographs" / f"{seed}.png")


def main() -> int:
    """Print a line for each training; the status is the number of those that differ."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--counts", default="2,3")
    parser.add_argument("--only", default="", help="a part of the name of a training")
    options = parser.parse_args()
    counts, failures = [int(count) for count in options.counts.split(",")], 0
    with tempfile.TemporaryDirectory() as name, chdir(name):
        prepare(Path(name))
        runs: list[tuple[str, int, str, str]] = []
        for title, (stage, settings) in stages().items():
            if options.only in title:
                torch.set_default_dtype(torch.float32 if stage in STYLE_STAGES else torch.float64)
                alone = trained(1, request(stage, **settings))
                runs += [(title, n, alone, trained(n, request(stage, **settings, nproc=n))) for n in counts]
        for title, count, alone, together in runs:  # the store is opened last: forks must not inherit it
            compare = first_step_difference if title.startswith(STYLE_STAGES) else difference
            text = compare(alone, together)
            failures += bool(text)
            print(f"{title:26} {count} processes: {text or 'equal'}", flush=True)
    return failures


if __name__ == "__main__":
    sys.exit(main())
