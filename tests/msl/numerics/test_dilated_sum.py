"""Gradients by matrix products are those of the convolutions, up to rounding; the forward pass is theirs to the bit."""

import pytest
import torch
from peaks import peak_bytes
from torch import nn

from msl.numerics.dilated_sum import dilated_sum


def convolutions(channels, classes, dilations, kernel=(3, 3), dtype=torch.float64):
    torch.manual_seed(0)
    pad = [(d * (kernel[0] // 2), d * (kernel[1] // 2)) for d in dilations]
    sizes = zip(dilations, pad, strict=True)
    return nn.ModuleList(nn.Conv2d(channels, classes, kernel, padding=p, dilation=d, dtype=dtype) for d, p in sizes)


def gradients(call, features, parts):
    features = features.detach().requires_grad_()
    parts.zero_grad()
    output = call(features)
    (output * torch.linspace(-1, 1, output.numel(), dtype=output.dtype).view_as(output)).sum().backward()
    return output, [features.grad, *(parameter.grad for parameter in parts.parameters())]


@pytest.mark.parametrize("format", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("shape", [(1, 7, 9, 13), (3, 5, 1, 4), (2, 4, 8, 8)])
@pytest.mark.parametrize("dilations", [(1,), (1, 2), (6, 12, 18, 24)])
@pytest.mark.parametrize("kernel", [(3, 3), (1, 5)])
def test_against_the_convolutions(format, shape, dilations, kernel, rng):
    parts = convolutions(shape[1], 3, dilations, kernel)
    features = torch.randn(shape, dtype=torch.float64, generator=rng).contiguous(memory_format=format)
    output, ours = gradients(lambda x: dilated_sum(x, tuple(parts)), features, parts)
    expected, theirs = gradients(lambda x: sum((c(x) for c in parts[1:]), parts[0](x)), features, parts)
    assert torch.equal(output, expected)
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-12, atol=1e-12)


def test_gradcheck(rng):
    parts = convolutions(3, 2, (1, 2))
    features = torch.randn(2, 3, 4, 5, dtype=torch.float64, generator=rng, requires_grad=True)
    torch.autograd.gradcheck(lambda x, *_: dilated_sum(x, tuple(parts)), (features, *parts.parameters()))


def test_frozen_weights_and_features_without_gradient(rng):
    parts = convolutions(3, 2, (1, 2))
    features = torch.randn(1, 3, 4, 5, dtype=torch.float64, generator=rng)
    dilated_sum(features, tuple(parts)).sum().backward()
    assert parts[1].weight.grad is not None
    parts.requires_grad_(False)
    assert not dilated_sum(features, tuple(parts)).requires_grad


def test_hooks_on_a_convolution_leave_all_to_it(rng):
    parts = convolutions(3, 2, (1, 2))
    outputs = []
    parts[1].register_forward_hook(lambda module, inputs, output: outputs.append(output))
    dilated_sum(torch.randn(1, 3, 4, 5, dtype=torch.float64, generator=rng), tuple(parts))
    assert outputs[0].grad_fn.name() == "ConvolutionBackward0"


def test_no_images_give_no_gradient():
    parts = convolutions(3, 2, (1, 2))
    dilated_sum(torch.zeros(0, 3, 4, 5, dtype=torch.float64), tuple(parts)).sum().backward()
    assert not parts[0].weight.grad.any()


def test_a_backward_pass_in_mixed_precision_stays_single(rng):
    parts = convolutions(8, 2, (1, 2), dtype=torch.float32)
    features = torch.randn(1, 8, 6, 6, generator=rng, requires_grad=True)
    output = dilated_sum(features, tuple(parts)).square().sum()
    (expected,) = torch.autograd.grad(output, features, retain_graph=True)
    with torch.autocast("cpu", torch.bfloat16):
        (mixed,) = torch.autograd.grad(output, features)
    assert torch.equal(mixed, expected)


def test_the_input_is_not_unfolded(rng):
    """Unfolded, it has nine times its size; a library's own backward pass may do that."""
    parts = convolutions(512, 19, (6, 12, 18, 24), dtype=torch.float32)
    features = torch.randn(1, 512, 20, 40, generator=rng, requires_grad=True)
    output = dilated_sum(features, tuple(parts)).sum()
    assert peak_bytes(output.backward) < 8 * features.numel() * features.element_size()
