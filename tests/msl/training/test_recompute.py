"""Blocks that are computed once more give the bits of blocks that keep everything, and take less memory."""

from contextlib import nullcontext

import pytest
import torch
from peaks import kept_bytes
from torch import nn
from torchvision.models.resnet import BasicBlock

from msl.config import ModelConfig
from msl.errors import ConfigError
from msl.models import build_model
from msl.models.blocks import repeated_blocks
from msl.training.recompute import Recompute


class Block(nn.Module):
    """With dropout, with a second argument by name."""

    def __init__(self):
        super().__init__()
        self.convolution, self.norm, self.drop = nn.Conv2d(3, 3, 3, padding=1), nn.BatchNorm2d(3), nn.Dropout(0.5)

    def forward(self, x, *, scale=2.0):
        return x + scale * self.drop(self.norm(self.convolution(x)))


class InPlace(Block):
    def forward(self, x, *, scale=2.0):
        return super().forward(x.add_(1), scale=scale)


class Chance(BasicBlock):
    """A known block with an own forward pass."""

    def __init__(self):
        super().__init__(3, 3)

    def forward(self, x):
        return super().forward(x) * torch.rand(()) + x


class Counting(Block):
    """Its output depends on a buffer that it changes."""

    def __init__(self):
        super().__init__()
        self.register_buffer("calls", torch.ones(()))

    def forward(self, x):
        self.calls += 1
        return super().forward(x) * self.calls


def network(block=Block):
    torch.manual_seed(0)
    return nn.Sequential(block(), nn.ReLU(), nn.Sequential(block(), block()))


def state_after(model, image, recompute, precision=torch.float32):
    """Outputs, gradients and buffers after two forward passes with their backward passes."""
    torch.manual_seed(1)
    outputs = []
    for _ in range(2):
        keeping = Recompute(model)() if recompute else nullcontext()
        with keeping, torch.autocast("cpu", precision, enabled=precision != torch.float32):
            output = model(image)
        first = (
            output
            if isinstance(output, torch.Tensor)
            else torch.cat([logits.flatten() for logits in output if logits is not None])
        )
        first.float().square().mean().backward()
        outputs.append(first.detach())
    gradients = [parameter.grad for parameter in model.parameters()]
    return [*outputs, *gradients, *model.buffers(), torch.get_rng_state()]


def assert_equal(one, other):
    assert len(one) == len(other)
    assert all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize(("backbone", "count"), [("mobilenet_v2", 17), ("resnet18", 8), ("resnet50", 16)])
def test_the_blocks_of_a_network(backbone, count):
    assert len(repeated_blocks(build_model(ModelConfig(backbone=backbone, num_classes=5)))) == count


@pytest.mark.parametrize("backbone", [{"width": 0.25}, {"backbone": "resnet18"}])
@pytest.mark.parametrize("name", ["deeplabv2", "deeplabv3plus"])
@pytest.mark.parametrize("mode", ["train", "frozen", "bfloat16"])
def test_networks_have_the_same_bits(backbone, name, mode, rng):
    torch.manual_seed(0)
    config = ModelConfig(**backbone, network=name, multi=name == "deeplabv2", num_classes=5)
    first = build_model(config)
    models = [first, build_model(config)]
    models[1].load_state_dict(first.state_dict())
    image = torch.randint(0, 256, (2, 3, 32, 48), dtype=torch.uint8, generator=rng)
    precision = torch.bfloat16 if mode == "bfloat16" else torch.float32
    for model in models:
        model.train(mode != "frozen")
    states = [state_after(model, image, bool(number), precision) for number, model in enumerate(models)]
    assert_equal(*states)


@pytest.mark.parametrize("block", [Block, Chance, Counting])
def test_random_numbers_and_buffers_are_those_of_the_first_pass(block, rng):
    image = torch.randn(2, 3, 8, 8, generator=rng)
    assert_equal(
        state_after(network(block), image, recompute=False), state_after(network(block), image, recompute=True)
    )


def test_the_innermost_parts_of_sequences_are_the_blocks():
    stage = nn.Module()
    stage.blocks = nn.Sequential(Block(), Block())
    model = nn.Sequential(nn.Conv2d(3, 3, 1), stage, nn.Sequential(nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3)))
    assert repeated_blocks(model) == list(stage.blocks)
    norms = nn.Sequential(nn.Sequential(nn.Conv2d(3, 3, 1)), nn.ModuleDict({"norm": nn.BatchNorm2d(3)}))
    with pytest.raises(ConfigError, match="has no blocks"):
        repeated_blocks(norms)
    with pytest.raises(ConfigError, match=r"recompute = true: the backbone has no blocks .* Pass recompute=false"):
        Recompute(nn.Sequential(nn.Conv2d(3, 3, 1), nn.ReLU()))


def test_nothing_of_it_stays(rng):
    model, image = network(), torch.randn(1, 3, 8, 8, generator=rng)
    model[0].forward = doubled = lambda x: x * 2
    with pytest.raises(ValueError, match="stop"), Recompute(model)():
        assert torch.equal(model[0](image), image * 2)
        raise ValueError("stop")
    assert model[0].forward is doubled
    assert "forward" not in vars(model[2][0])
    with Recompute(model)(), torch.no_grad():
        assert not model(image).requires_grad


@pytest.mark.parametrize("place", ["in a block", "after it"])
def test_an_input_that_was_changed_in_place_is_refused(place, rng):
    model, image = network(InPlace if place == "in a block" else Block), torch.randn(1, 3, 8, 8, generator=rng)
    with Recompute(model)():
        output = model(image)
    image.add_(1)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        output.sum().backward()


def test_less_than_half_is_kept_for_the_backward_pass():
    model = build_model(ModelConfig(backbone="resnet50", num_classes=5, multi=True))
    image = torch.zeros(1, 3, 64, 128, dtype=torch.uint8)

    def forward(recompute):
        with Recompute(model)() if recompute else nullcontext():
            return model(image)

    assert kept_bytes(lambda: forward(True)) < 0.45 * kept_bytes(lambda: forward(False))
