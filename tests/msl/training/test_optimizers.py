import pytest
import torch
from torch import nn

from msl.config import ModelConfig, OptimizerConfig
from msl.models import build_model
from msl.training.optimizers import set_lr, sgd, train_mode
from msl.training.schedules import Poly


@pytest.mark.parametrize(
    ("step", "lr"),
    [(0, 2.5e-4), (1, 2.4999887e-4), (80_000, 1.5786e-4), (100_000, 1.33973e-4), (199_999, 4.23656e-9), (200_000, 0.0)],
)
def test_poly_at_named_steps(step, lr):
    """The pretraining of the paper; at its stop the learning rate is still 1.58e-4."""
    assert 2.5e-4 * Poly(200_000, 0.9).factor(step) == pytest.approx(lr, rel=1e-4)


def test_power_zero_is_constant_until_the_horizon():
    assert [Poly(10, 0).factor(step) for step in (0, 5, 9)] == [1, 1, 1]


def test_heads_learn_faster():
    model = build_model(ModelConfig(width=0.25, multi=True))
    optimizer = sgd(model, OptimizerConfig(lr=0.01, head_lr_ratio=10))
    set_lr(optimizer, 0.5)
    lr = {id(p): group["lr"] for group in optimizer.param_groups for p in group["params"]}
    assert {lr[id(p)] for p in model.backbone.parameters()} == {0.005}
    assert {lr[id(p)] for head in (model.main_head, model.aux_head) for p in head.parameters()} == {0.05}
    assert len(lr) == len(list(model.parameters()))


def test_the_published_codes_backbone_learns_three_times_as_fast():
    model = build_model(ModelConfig(backbone="resnet18"))
    optimizer = sgd(model, OptimizerConfig(lr=0.01, backbone_lr_ratio=3, freeze_stem_bn=True))
    backbone, heads = optimizer.param_groups
    assert (backbone["lr"], heads["lr"]) == (0.03, 0.1)
    frozen = {name for name, p in model.named_parameters() if not p.requires_grad}
    assert frozen == {"backbone.network.bn1.weight", "backbone.network.bn1.bias"}
    assert len(backbone["params"]) == len(list(model.backbone.parameters())) - len(frozen)


def test_a_step_is_momentum_sgd_with_weight_decay():
    model = build_model(ModelConfig(width=0.25))
    optimizer = sgd(model, OptimizerConfig(lr=0.1, momentum=0.9, weight_decay=0.01))
    weight = model.backbone.network.features[0][0].weight
    before, velocity = weight.detach().clone(), 0.0
    for _ in range(2):
        weight.grad = torch.ones_like(weight)
        expected_gradient = 1 + 0.01 * weight.detach()
        velocity = 0.9 * velocity + expected_gradient
        before = before - 0.1 * velocity
        optimizer.step()
    torch.testing.assert_close(weight.detach(), before)


def test_frozen_batch_norm_keeps_its_statistics():
    model = nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4), nn.Dropout(0.5))
    train_mode(model, freeze_bn=True)
    before = model[1].running_mean.clone()
    model(torch.randn(2, 3, 8, 8) + 5)
    assert torch.equal(model[1].running_mean, before)
    assert model[2].training
    train_mode(model, freeze_bn=False)
    model(torch.randn(2, 3, 8, 8) + 5)
    assert not torch.equal(model[1].running_mean, before)
