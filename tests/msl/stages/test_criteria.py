"""Choosing without target labels: criteria at every evaluation, and the checkpoint that one of them chooses."""

import shutil

import data_factory as factory
import pytest
import torch
from tiny import checkpoint, request

from msl import schema
from msl.config import EvaluateConfig
from msl.errors import ConfigError
from msl.runs import run as carry_out
from msl.stages.evaluate import evaluate

pytestmark = pytest.mark.usefixtures("tiny_store")

CRITERIA = {metric for metric in schema.CRITERION_METRICS.values() if metric.startswith("target/criteria/")}


def test_without_the_folder_of_the_targets_labels(tmp_path, curves):
    factory.cityscapes(tmp_path)
    shutil.rmtree(tmp_path / "Cityscapes/gtFine")
    data = {"target": "cityscapes", "data_root": str(tmp_path), "target_labels": None}
    outcome = carry_out(request("adapt", **data))
    logged = curves(outcome.run_id)
    steps = {metric: [step for name, step in logged if name == metric] for metric in CRITERIA}
    assert all(logged_at == [0, 4] for logged_at in steps.values()), steps
    assert not [name for name, _ in logged if name.startswith("target/") and "criteria" not in name]
    assert {f"last/{metric}" for metric in CRITERIA} <= {name for name, _ in logged}

    scored = evaluate(EvaluateConfig.of(checkpoint=outcome.result, panels=0, eval_images=1, **_of_scoring(data)))
    assert {name: value for name, value in scored.metrics.items() if name in CRITERIA} == {
        metric: logged[metric, 4] for metric in CRITERIA
    }


def _of_scoring(data):
    return {name: value for name, value in data.items() if name != "target"}


def test_a_criterion_chooses_a_checkpoint_and_changes_nothing_else(curves):
    plain = carry_out(request("pretrain", eval_every=2, criteria_images=0))
    chosen = carry_out(request("pretrain", eval_every=2, choose_by="entropy"))
    logged, of_plain = curves(chosen.run_id), curves(plain.run_id)
    assert {
        point: value for point, value in logged.items() if "criteria" not in point[0] and "chosen" not in point[0]
    } == of_plain
    entropies = {step: logged["target/criteria/entropy", step] for step in (2, 4)}
    best = min(entropies, key=entropies.get)
    assert logged["chosen/target/mIoU", best] == logged["target/mIoU", best]
    assert logged["chosen/target/criteria/entropy", best] == entropies[best]
    assert checkpoint(chosen.run_id, "chosen.pt")["step"] == best
    weights, others = (checkpoint(outcome.run_id)["weights"] for outcome in (plain, chosen))
    assert all(torch.equal(value, others[name]) for name, value in weights.items())
    assert chosen.fingerprint == plain.fingerprint


def test_what_is_not_computed_cannot_choose():
    with pytest.raises(ConfigError, match="choose_by = SND with criteria_images = 0: the criterion is not computed"):
        request("pretrain", choose_by="SND", criteria_images=0)
    with pytest.raises(ConfigError, match="choose_by = SND needs target images of split val"):
        carry_out(request("pretrain", choose_by="SND", target=None))
    request("pretrain", choose_by="source_risk", criteria_images=0)
