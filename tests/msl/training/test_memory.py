"""The model of the memory of a step."""

from contextlib import nullcontext

import pytest
import torch
from peaks import kept_bytes
from torch import nn

from msl.config import ModelConfig
from msl.models import build_model
from msl.training.memory import StepMemory, advice, step_memory
from msl.training.recompute import Recompute


class Layer(nn.Module):
    def __init__(self):
        super().__init__()
        self.convolution = nn.Conv2d(3, 4, 1, bias=False)

    def forward(self, image):
        return (self.convolution(image.float()).square(), None)


def test_by_hand():
    """The convolution keeps its input, 3 values a pixel, the square its own, 4; then come 3 copies of 4 logits."""
    memory = step_memory(Layer(), (2, 3, 8, 16), torch.float32, copies=3)
    assert memory.fixed == 3 * 4 * 12
    assert memory.per_pixel == 4 * (3 + 4 + 3 * 4)


def test_the_activations_of_a_network_are_those_of_a_real_pass():
    model = build_model(ModelConfig(width=0.25, num_classes=5, multi=True))
    model.eval()
    sizes = {}
    of_weights = {parameter.untyped_storage()._cdata for parameter in model.parameters()}

    def count(tensor):
        if tensor.untyped_storage()._cdata not in of_weights:
            sizes[tensor.untyped_storage()._cdata] = (tensor.untyped_storage().nbytes(), tensor)
        return tensor

    image = torch.zeros(1, 3, 64, 128, dtype=torch.uint8)
    with torch.autograd.graph.saved_tensors_hooks(count, lambda tensor: tensor):
        output = model(image)
    real = sum(size for size, _ in sizes.values()) + 3 * 4 * (output.main.numel() + output.aux.numel())
    assert step_memory(model, image.shape, torch.float32, 3).per_pixel * 64 * 128 == pytest.approx(real, rel=0.02)
    half = step_memory(model, image.shape, torch.bfloat16, 3)
    assert half.per_pixel < 0.9 * step_memory(model, image.shape, torch.float32, 3).per_pixel


@pytest.mark.parametrize("network", ["deeplabv2", "deeplabv3plus"])
def test_recomputed_blocks_count_while_they_are_computed(network):
    """Beside what a real forward pass keeps, which is less by the largest block at the most."""
    model = build_model(ModelConfig(backbone="resnet50", num_classes=5, network=network)).eval()
    image = torch.zeros(1, 3, 128, 256, dtype=torch.uint8)

    def forward(recompute):
        with Recompute(model)() if recompute else nullcontext():
            return model(image).main

    held = {flag: kept_bytes(lambda flag=flag: forward(flag)) for flag in (False, True)}
    memory = {flag: step_memory(model, image.shape, torch.float32, 3, flag) for flag in (False, True)}
    losses = 3 * 4 * 5 * 128 * 256
    needed = {flag: each.per_pixel * 128 * 256 - losses for flag, each in memory.items()}
    assert needed[False] == pytest.approx(held[False], rel=0.02)
    assert 0.95 * held[True] < needed[True] < held[True] + 0.15 * held[False]


def test_the_advice_names_what_fits():
    memory = StepMemory(fixed=2**30, per_pixel=2**30 / 1000)
    assert memory.needed(4, 1000) == 5 * 2**30
    told = advice(memory, (4, 3, 20, 50), available=3 * 2**30)
    assert told == (
        "By a model of its memory, batch_size=4 at 50x20 needs 5.0 GB; of 3.0 GB, batch_size=2 or crop_size=32,8 would "
        "fit. "
    )
    again = StepMemory(fixed=2**30, per_pixel=2**30 / 2000)
    told = advice(memory, (4, 3, 20, 50), 3 * 2**30, again)
    assert told.endswith("recompute=true or batch_size=2 or crop_size=32,8 would fit. ")
    assert "recompute" not in advice(memory, (4, 3, 20, 50), 3 * 2**30 - 1, again)
    assert advice(memory, (1, 3, 20, 50), available=2**29).endswith("needs 2.0 GB. ")
