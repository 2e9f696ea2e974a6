"""The setting recalibrate: scores with statistics of the target's training images, and a training that is unchanged."""

import pytest
import torch
from tiny import checkpoint, request

from msl.config import EvaluateConfig
from msl.errors import ConfigError
from msl.runs import run as carry_out
from msl.stages.evaluate import evaluate

pytestmark = pytest.mark.usefixtures("tiny_store")


def test_scores_change_and_the_training_does_not(the_run, curves):
    plain = carry_out(request("pretrain"))
    recalibrated = carry_out(request("pretrain", recalibrate=200))
    first, other = (checkpoint(outcome.run_id)["weights"] for outcome in (plain, recalibrated))
    assert all(torch.equal(value, other[name]) for name, value in first.items())
    assert recalibrated.fingerprint == plain.fingerprint
    assert recalibrated.metrics["target/PA"] != plain.metrics["target/PA"]
    assert curves(plain.run_id)["loss/source", 4] == curves(recalibrated.run_id)["loss/source", 4]
    run = the_run(recalibrated.run_id)
    assert run["cfg.recalibrate"] == "200"
    assert run["msl.group"] != the_run(plain.run_id)["msl.group"]

    scored = evaluate(  # the same statistics for the finished checkpoint of the run that did without
        EvaluateConfig.of(checkpoint=plain.result, recalibrate=200, eval_images=2, panels=0, num_workers=0)
    )
    assert scored.metrics["target/PA"] == recalibrated.metrics["target/PA"]
    with pytest.raises(ConfigError, match="recalibrate = 200 needs a target: pass target=NAME"):
        evaluate(EvaluateConfig.of(checkpoint=plain.result, target=None, recalibrate=200, panels=0))
