"""Ten steps of every stage follow the curve that is checked in: a change of the code that changes training shows.

In double precision and at a low learning rate, the start too: with so few pixels in a batch, training amplifies what
another processor or another number of threads rounds otherwise, without bound where BatchNorm has two values a channel
(DeepLabV3+'s image pooling, so that network's is frozen). One thread against two: 2e-12 at the most.

After a change that is meant to: MSL_WRITE_GOLDEN=1 pytest tests/msl/stages/test_golden.py, and say so in the commit.
"""

import json
import os
from pathlib import Path

import pytest
import torch
from tiny import request
from tolerances import GOLDEN

from msl.runs import run as carry_out

CURVES = Path(__file__).parent / "golden.json"
WRITE = bool(os.environ.get("MSL_WRITE_GOLDEN"))
TEN = {"lr": 5e-4, "max_iters": 10, "epoch_iters": 5, "eval_every": 5, "log_every": 1}
RUNS = {
    "pretrain": ("pretrain", {}),
    "pretrain multi": ("pretrain", {"multi": True}),
    "adapt maxsquare": ("adapt", {"target_mode": "maxsquare", "lambda_target": 0.1}),
    "adapt IW_maxsquare multi": ("adapt", {"target_mode": "IW_maxsquare", "multi": True, "threshold": 0.5}),
    "adapt deeplabv3plus multi": ("adapt", {"network": "deeplabv3plus", "multi": True, "freeze_bn": True}),
    "adapt entropy freeze_bn": ("adapt", {"target_mode": "entropy", "freeze_bn": True}),
    "self_train rare_classes blocks multi": (
        "self_train",
        {
            "multi": True,
            "pseudo_threshold": 0.09,  # so few steps make no network sure
            "sampling": "rare_classes",
            "mix_crop": (48, 32),
            "masking": "blocks",
            "mask_block": 16,
        },
    ),
    "self_train deeplabv3plus": (
        "self_train",
        {"network": "deeplabv3plus", "freeze_bn": True, "pseudo_threshold": 0.054},
    ),
    "target_solo": ("target_solo", {"round_num": 2, "epoch_each_round": 1, "target_solo_epoch": 1}),
}


@pytest.fixture(autouse=True)
def _double_precision():
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


@pytest.mark.parametrize("name", RUNS)
def test_ten_steps_follow_their_golden_curve(name, curves):
    stage, changes = RUNS[name]
    start = {} if stage == "pretrain" else {"checkpoint": _pretrained(changes)}
    logged = curves(carry_out(request(stage, **TEN, **changes, **start)).run_id)
    prefixes = ("loss/", "source/PA", "target/PA", "lr", "self_train/")
    points = {f"{metric} {step}": value for (metric, step), value in logged.items() if metric.startswith(prefixes)}
    golden = json.loads(CURVES.read_text()) if CURVES.exists() else {}
    if WRITE:
        CURVES.write_text(json.dumps(golden | {name: points}, indent=1, sort_keys=True) + "\n")
        return
    assert points.keys() == golden[name].keys()
    for key, value in golden[name].items():
        # A pixel that changes sides moves a score by more than rounding moves a loss.
        tolerance = {"abs": 1.0} if "/PA" in key else {"rel": GOLDEN["rtol"], "abs": GOLDEN["atol"]}
        assert points[key] == pytest.approx(value, **tolerance), key


def _pretrained(changes):
    """The checkpoint to adapt, trained as gently."""
    shared = {name: value for name, value in changes.items() if name in ("multi", "network", "freeze_bn")}
    return f"runs:/{carry_out(request('pretrain', **TEN, **shared)).run_id}/checkpoints/last.pt"
