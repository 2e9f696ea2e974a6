"""Scores that a run is asked for besides the usual ones."""

import pytest
from tiny import checkpoint, request

from msl.config import EvaluateConfig
from msl.runs import run as carry_out
from msl.scoring.scores import Result
from msl.stages.evaluate import evaluate

pytestmark = pytest.mark.usefixtures("tiny_store")

LONG = {"max_iters": 8, "epoch_iters": 4, "eval_every": 4}


def without_calibration(logged):
    return {key: value for key, value in logged.items() if not key[0].endswith("/ECE")}


def test_calibration_is_logged_resumed_and_changes_nothing_else(curves):
    usual = carry_out(request("pretrain", **LONG))
    whole = carry_out(request("pretrain", **LONG, extra_metrics="ECE"))
    logged = curves(whole.run_id)
    assert without_calibration(logged) == curves(usual.run_id)
    steps = {name: sorted(step for metric, step in logged if metric == name) for name, _ in logged}
    for domain in ("source", "target"):
        assert steps[f"{domain}/ECE"] == [4, 8]
        (best,) = steps[f"best/{domain}/ECE"]
        assert best == steps["best/target/mIoU"][0]
        assert logged[f"best/{domain}/ECE", best] == logged[f"{domain}/ECE", best]
        assert steps[f"last/{domain}/ECE"] == [8]
        assert 0 < logged[f"{domain}/ECE", 8] < 100
    assert whole.metrics["target/ECE"] == logged["last/target/ECE", 8]

    part = carry_out(request("pretrain", **{**LONG, "max_iters": 4}, extra_metrics="ECE"))
    resumed = carry_out(request("pretrain", resume=part.run_id, max_iters=8))
    assert resumed.metrics == whole.metrics
    state = [checkpoint(outcome.run_id)["callbacks"]["evaluate"] for outcome in (whole, resumed)]
    assert set(state[0]["best"]["scores"]["target"]["extra"]) == {"ECE"}
    best, again = (Result.from_state_dict(one["best"]).scores["target"].extra["ECE"].counts for one in state)
    assert best.equal(again)


def test_a_checkpoint_is_scored_with_them_too(the_run):
    trained = carry_out(request("pretrain", extra_metrics="ECE"))
    settings = {"checkpoint": f"runs:/{trained.run_id}/checkpoints/last.pt", "num_workers": 0, "eval_images": 2}
    usual = evaluate(EvaluateConfig.of(**settings))
    scored = evaluate(EvaluateConfig.of(**settings, extra_metrics="ECE"))
    assert scored.metrics == trained.metrics
    assert {name for name in scored.metrics if name not in usual.metrics} == {"source/ECE", "target/ECE"}
    run, plain = the_run(scored.run_id), the_run(usual.run_id)
    assert run["target/ECE"] == trained.metrics["target/ECE"]
    assert run["cfg.extra_metrics"] == "ECE"
    assert run["msl.group"] == plain["msl.group"]
