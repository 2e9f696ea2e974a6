from copy import deepcopy
from functools import partial
from itertools import permutations

import pytest
import torch
from torch import nn

from msl.config import ModelConfig, OptimizerConfig
from msl.config.catalog import OPTIMIZERS
from msl.errors import CheckpointError, ConfigError
from msl.models import build_model
from msl.training.batch_norm import train_mode
from msl.training.optimizers import build_optimizer, clip_gradients, parameter_groups, restore_optimizer, set_lr
from msl.training.schedules import Poly

MODEL = ModelConfig(width=0.25, multi=True, dilations=(1, 2))


def network(config=MODEL):
    torch.manual_seed(0)
    return build_model(config)


def names(model, group):
    """Names of a group's parameters, in its order."""
    known = {id(parameter): name for name, parameter in model.named_parameters()}
    return [known[id(parameter)] for parameter in group["params"]]


def is_norm(model, name):
    module = model.get_submodule(name.rpartition(".")[0])
    return isinstance(module, nn.BatchNorm2d)


def gradients(model, step):
    """Every parameter's gradient of a step, the same for the same step."""
    generator = torch.Generator().manual_seed(step)
    for parameter in model.parameters():
        parameter.grad = torch.randn(parameter.shape, generator=generator)


def train(model, optimizer, steps, clip=lambda optimizer: None):
    for step in steps:
        set_lr(optimizer, Poly(10, 0.9).factor(step))
        gradients(model, step)
        clip(optimizer)
        optimizer.step()


def assert_equal(one, other):
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), other.parameters(), strict=True))


def test_sgd_has_one_group_for_the_backbone_and_one_for_the_heads():
    model = network()
    groups = build_optimizer(model, OptimizerConfig(lr=0.01, backbone_lr_ratio=3, head_lr_ratio=10)).param_groups
    assert [(group["lr"], group["initial_lr"], group["weight_decay"]) for group in groups] == [
        (0.03, 0.03, 5e-4),
        (0.1, 0.1, 5e-4),
    ]
    assert names(model, groups[0]) == [name for name, _ in model.named_parameters() if name.startswith("backbone.")]
    heads = [name for name, _ in model.named_parameters() if not name.startswith("backbone.")]
    assert names(model, groups[1]) == heads
    assert {name.partition(".")[0] for name in heads} == {"main_head", "aux_head"}


@pytest.mark.parametrize("network_name", ["deeplabv2", "deeplabv3plus"])
def test_adamw_lets_norms_and_biases_alone(network_name):
    model = network(ModelConfig(width=0.25, multi=True, network=network_name, dilations=(1, 2)))
    groups = build_optimizer(model, OptimizerConfig(optimizer="adamw", lr=1e-4, weight_decay=0.01)).param_groups
    heads = [1e-3] * (len(groups) - 2)
    assert [group["lr"] for group in groups] == [1e-4, 1e-4, *heads]
    assert [group["initial_lr"] for group in groups] == [1e-4, 1e-4, *heads]
    assert [group["weight_decay"] for group in groups] == [0.01, 0, 0.01, 0]
    every = [name for name, _ in model.named_parameters()]
    constant = [name for name in every if name.endswith(".bias") or is_norm(model, name)]
    for group, where, decays in zip(groups, (True, True, False, False), (True, False, True, False), strict=True):
        expected = [n for n in every if n.startswith("backbone.") == where and (n in constant) != decays]
        assert names(model, group) == expected
        assert expected


@pytest.mark.parametrize(
    ("optimizer", "decay_norms", "count"),
    [
        ("sgd", None, 2),
        ("sgd", True, 2),
        ("sgd", False, 4),
        ("adamw", None, 4),
        ("adamw", False, 4),
        ("adamw", True, 2),
    ],
)
def test_whether_norms_decay_can_be_said(optimizer, decay_norms, count):
    settings = OptimizerConfig(optimizer=optimizer, decay_norms=decay_norms)
    assert len(build_optimizer(network(), settings).param_groups) == count


def test_an_empty_group_is_left_out():
    model = network()
    for parameter in model.backbone.parameters():
        parameter.requires_grad_(parameter.ndim > 1)
    groups = parameter_groups(model, OptimizerConfig(), decay_norms=False)
    assert [group.get("weight_decay") for group in groups] == [None, None, 0]


def test_the_published_codes_backbone_learns_three_times_as_fast():
    model = build_model(ModelConfig(backbone="resnet18"))
    optimizer = build_optimizer(model, OptimizerConfig(lr=0.01, backbone_lr_ratio=3, freeze_stem_bn=True))
    backbone, heads = optimizer.param_groups
    assert (backbone["lr"], heads["lr"]) == (0.03, 0.1)
    frozen = {name for name, p in model.named_parameters() if not p.requires_grad}
    assert frozen == {"backbone.network.bn1.weight", "backbone.network.bn1.bias"}
    assert len(backbone["params"]) == len(list(model.backbone.parameters())) - len(frozen)


def test_a_stem_without_batch_norm_cannot_be_frozen():
    model = network()
    model.backbone = nn.Conv2d(3, 3, 1)
    with pytest.raises(ConfigError, match="freeze_stem_bn = True: backbone = mobilenet_v2 has no BatchNorm; leave it"):
        build_optimizer(model, OptimizerConfig(freeze_stem_bn=True))


def test_sgd_is_torchs_to_the_bit():
    ours, plain = network(), network()
    optimizer = build_optimizer(ours, OptimizerConfig(lr=0.01, momentum=0.8, weight_decay=0.002))
    heads = [*plain.main_head.parameters(), *plain.aux_head.parameters()]
    reference = torch.optim.SGD(
        [{"params": plain.backbone.parameters(), "lr": 0.01}, {"params": heads, "lr": 0.1}],
        momentum=0.8,
        weight_decay=0.002,
    )
    train(ours, optimizer, range(5))
    for step in range(5):
        reference.param_groups[0]["lr"] = 0.01 * (1 - step / 10) ** 0.9
        reference.param_groups[1]["lr"] = 0.1 * (1 - step / 10) ** 0.9
        gradients(plain, step)
        reference.step()
    assert_equal(ours, plain)


def test_adamw_is_torchs_to_the_bit():
    ours, plain = network(), network()
    settings = {"betas": (0.8, 0.99), "eps": 1e-6, "weight_decay": 0.05}
    optimizer = build_optimizer(ours, OptimizerConfig(optimizer="adamw", lr=1e-3, **settings))
    parts = [list(plain.backbone.parameters()), [*plain.main_head.parameters(), *plain.aux_head.parameters()]]
    groups = [
        {"params": [p for p in part if (p.ndim > 1) == decays], "lr": lr, "weight_decay": 0.05 if decays else 0.0}
        for part, lr in zip(parts, (1e-3, 1e-2), strict=True)
        for decays in (True, False)
    ]
    reference = torch.optim.AdamW(groups, **settings)
    train(ours, optimizer, range(5))
    for step in range(5):
        for group, lr in zip(reference.param_groups, (1e-3, 1e-3, 1e-2, 1e-2), strict=True):
            group["lr"] = lr * (1 - step / 10) ** 0.9
        gradients(plain, step)
        reference.step()
    assert_equal(ours, plain)


def test_a_state_that_was_saved_before_there_were_names_is_taken_up():
    """As checkpoints have it: two groups of plain SGD, with their first learning rates."""
    whole, part = network(), network()
    optimizer = build_optimizer(whole, OptimizerConfig(lr=0.01))
    train(whole, optimizer, range(4))

    heads = [*part.main_head.parameters(), *part.aux_head.parameters()]
    groups = [{"params": part.backbone.parameters(), "lr": 0.01}, {"params": heads, "lr": 0.1}]
    for group in groups:
        group["initial_lr"] = group["lr"]
    old = torch.optim.SGD(groups, momentum=0.9, weight_decay=5e-4)
    train(part, old, range(2))
    resumed = build_optimizer(part, OptimizerConfig(lr=0.01))
    resumed.load_state_dict(old.state_dict())
    train(part, resumed, range(2, 4))
    assert_equal(whole, part)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_optimizer_takes_its_groups_and_goes_on_from_its_state(name):
    config = OptimizerConfig(optimizer=name, lr=1e-3, clip_norm=0.5)
    whole, part = network(), network()
    train(whole, build_optimizer(whole, config), range(4), lambda o: clip_gradients(o, config.clip_norm))
    first = build_optimizer(part, config)
    train(part, first, range(2), lambda o: clip_gradients(o, config.clip_norm))
    second = build_optimizer(part, config)
    second.load_state_dict(first.state_dict())
    train(part, second, range(2, 4), lambda o: clip_gradients(o, config.clip_norm))
    assert_equal(whole, part)


def test_heads_learn_faster():
    model = network()
    optimizer = build_optimizer(model, OptimizerConfig(lr=0.01, head_lr_ratio=10))
    set_lr(optimizer, 0.5)
    lr = {id(p): group["lr"] for group in optimizer.param_groups for p in group["params"]}
    assert {lr[id(p)] for p in model.backbone.parameters()} == {0.005}
    assert {lr[id(p)] for head in (model.main_head, model.aux_head) for p in head.parameters()} == {0.05}
    assert len(lr) == len(list(model.parameters()))


def test_a_step_is_momentum_sgd_with_weight_decay():
    model = build_model(ModelConfig(width=0.25))
    optimizer = build_optimizer(model, OptimizerConfig(lr=0.1, momentum=0.9, weight_decay=0.01))
    weight = model.backbone.network.features[0][0].weight
    before, velocity = weight.detach().clone(), 0.0
    for _ in range(2):
        weight.grad = torch.ones_like(weight)
        expected_gradient = 1 + 0.01 * weight.detach()
        velocity = 0.9 * velocity + expected_gradient
        before = before - 0.1 * velocity
        optimizer.step()
    torch.testing.assert_close(weight.detach(), before)


def test_gradients_are_clipped_together_and_only_if_too_large():
    a, b, other = (nn.Parameter(torch.zeros(2)) for _ in range(3))
    optimizer = torch.optim.SGD([{"params": [a]}, {"params": [b]}], lr=1.0)
    for norm, expected in ((2.5, [1.5, 2.0]), (5.5, [3.0, 4.0]), (None, [3.0, 4.0])):
        a.grad, b.grad, other.grad = torch.tensor([3.0, 0]), torch.tensor([0, 4.0]), torch.tensor([100.0, 0])
        clip_gradients(optimizer, norm)
        assert [a.grad[0].item(), b.grad[1].item()] == pytest.approx(expected, rel=1e-5)
        assert other.grad[0] == 100  # another optimizer's: neither counted nor scaled


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


def stepped(model, groups):
    optimizer = torch.optim.AdamW(groups)
    model(torch.ones(1, 3)).sum().backward()
    optimizer.step()
    return optimizer


@pytest.mark.parametrize("swap", [False, True])
def test_a_state_of_other_groups_is_refused_and_changes_nothing(swap):
    """Of other sizes, and of equal sizes with other parameters in them."""
    model = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Linear(4, 5))
    (one, two), (three, four) = (layer.parameters() for layer in model)
    saved = stepped(model, [{"params": [one, two]}, {"params": [three, four]}]).state_dict()
    others = [[three, four], [one, two]] if swap else [[one], [two, three, four]]
    optimizer = torch.optim.AdamW([{"params": parameters} for parameters in others])
    with pytest.raises(CheckpointError, match=r"written by other code.*groups of 2, 2, and this code makes groups of "):
        restore_optimizer(optimizer, saved)
    assert optimizer.state_dict()["state"] == {}


@pytest.mark.parametrize("kind", [partial(torch.optim.SGD, momentum=0.9), torch.optim.AdamW])
@pytest.mark.parametrize("formats", [*permutations((torch.contiguous_format, torch.channels_last))])
def test_momenta_have_the_arrangement_of_their_weights(kind, formats, rng):
    """Of a run that goes on on another device, whose fused kernels would read one as the other."""
    image = torch.randn(1, 3, 8, 8, generator=rng)
    models = [nn.Conv2d(3, 4, 3).to(memory_format=form) for form in formats]
    models[1].load_state_dict(models[0].state_dict())
    first, second = (kind(model.parameters(), lr=0.1) for model in models)
    models[0](image).square().sum().backward()
    first.step()
    models[1].load_state_dict(models[0].state_dict())
    restore_optimizer(second, deepcopy(first.state_dict()))
    for weight, values in second.state.items():
        assert all(value.stride() == weight.stride() for value in values.values() if value.shape == weight.shape)
    for model, optimizer in zip(models, (first, second), strict=True):
        model.zero_grad()
        model(image).square().sum().backward()
        optimizer.step()
    torch.testing.assert_close(models[0].weight, models[1].weight)
