"""Stage bn on the tiny domains: a parent's network with the target's statistics, and nothing else."""

import pytest
import torch
from tiny import SETTINGS, checkpoint
from tiny import request as tiny_request

from msl.config import BnConfig
from msl.errors import ConfigError
from msl.recipes import Request
from msl.runs import run as carry_out

pytestmark = pytest.mark.usefixtures("tiny_store")

OPTIONS = {name: value for name, value in SETTINGS.items() if name in BnConfig.options()}


def request(**changes):
    return Request.of(stage="bn", recipe="streets", overrides={**OPTIONS, **changes})


def test_it_takes_no_step_and_is_scored(the_run, curves):
    outcome = carry_out(request())
    run, parent = the_run(outcome.run_id), the_run(stage="pretrain")
    assert run["msl.parent"] == parent["run_id"]
    assert run["msl.group"].startswith("bn streets source=tiny@")
    assert "cfg.lr" not in run.dropna()
    assert run["cfg.bn_images"] == "200"
    before, after = checkpoint(parent["run_id"]), checkpoint(outcome.run_id)
    assert after["step"] == 0
    changed = {name for name, value in after["weights"].items() if not torch.equal(value, before["weights"][name])}
    assert changed
    assert all(name.endswith(("running_mean", "running_var")) for name in changed)
    logged = curves(outcome.run_id)
    assert logged["target/mIoU", 0] == logged["last/target/mIoU", 0] == outcome.metrics["target/mIoU"]
    assert logged["target/mIoU", 0] == logged["best/target/mIoU", 0]

    again = carry_out(request(seed=0))  # it finds the same parent and ends the same
    assert again.metrics == outcome.metrics
    assert again.fingerprint == outcome.fingerprint

    adapted = carry_out(tiny_request("adapt", checkpoint=outcome.result))  # its checkpoint is one like any other
    assert curves(adapted.run_id)["target/mIoU", 0] == outcome.metrics["target/mIoU"]


def test_a_setting_that_only_a_step_reads_is_none_of_its():
    assert not {"lr", "batch_size", "lambda_target", "round_num", "epoch_iters"} & BnConfig.options().keys()
    with pytest.raises(ConfigError, match="lr is not a setting of BnConfig"):
        request(lr=0.1)
