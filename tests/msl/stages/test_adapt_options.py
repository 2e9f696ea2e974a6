"""Options of adapt: a prior on the classes, and BatchNorm's scales and shifts trained alone."""

from pathlib import Path

import pytest
import torch
from mlflow.tracking import MlflowClient
from tiny import checkpoint, request, varied_checkpoint

from msl.config import ModelConfig
from msl.errors import ConfigError
from msl.models import build_model
from msl.runs import run as carry_out
from msl.training.affine import freeze_all_but_affine
from msl.weights import load_file

TWO = {"max_iters": 2, "epoch_iters": 2, "eval_every": 2, "log_every": 1}


@pytest.fixture
def pretrained(tiny_store, tmp_path):
    return varied_checkpoint(tmp_path / "start.pt")


def metrics(run_id):
    return MlflowClient().get_run(run_id).data.metrics


@pytest.mark.parametrize("prior", ["source", "uniform"])
def test_a_prior_is_part_of_the_loss_and_the_dose_is_logged(prior, pretrained):
    run = carry_out(request("adapt", checkpoint=pretrained, prior=prior, **TWO))
    logged = metrics(run.run_id)
    assert logged["loss/target_prior"] > 0
    assert logged["adaptation/dose"] == pytest.approx(2.0 * (0.01 + 0.01 * (1 - 1 / 10) ** 0.9))
    assert logged["adaptation/gradient_ratio"] > 0


def test_the_twin_of_a_run_with_a_prior_has_no_gradient_from_the_target(pretrained):
    run = carry_out(request("adapt", checkpoint=pretrained, prior="source", lambda_target=0, **TWO))
    assert metrics(run.run_id)["adaptation/gradient_ratio"] == 0
    assert metrics(run.run_id)["loss/target_prior"] == 0


def test_only_scales_and_shifts_of_batch_norm_are_trained(pretrained):
    settings = {"checkpoint": pretrained, "trained_weights": "bn_affine", "multi": False}
    run = carry_out(request("adapt", **settings, **TWO))
    before = load_file(Path(pretrained))["weights"]
    after = checkpoint(run.run_id)["weights"]
    network = build_model(ModelConfig(**checkpoint(run.run_id)["model"]))
    freeze_all_but_affine(network)
    trained = {name for name, parameter in network.named_parameters() if parameter.requires_grad}
    changed = {name for name, _ in network.named_parameters() if not torch.equal(before[name], after[name])}
    assert changed == trained
    assert all(before[name].ndim == 1 for name in trained)
    statistics = [name for name in before if name.endswith("running_mean")]
    assert not any(torch.equal(before[name], after[name]) for name in statistics)


def test_a_network_without_batch_norm_is_refused():
    network = build_model(ModelConfig(width=0.25, bn_affine=False))
    with pytest.raises(ConfigError, match=r"trained_weights = bn_affine: backbone = mobilenet_v2 has no BatchNorm"):
        freeze_all_but_affine(network)
