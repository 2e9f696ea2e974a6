"""The sum of parallel dilated convolutions to few channels, whose gradients are two matrix products.

On a CPU, libraries have no fast backward pass of a dilated convolution to so few channels as a street has classes: they
unfold its input, which has thousands, and take six times as long as for another convolution of as much arithmetic. Here
the gradient of the output is unfolded instead, for all convolutions at once. The forward pass is the library's.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional as fn


def dilated_sum(features: Tensor, convolutions: Sequence[nn.Conv2d]) -> Tensor:
    """The sum of convolutions with a bias that keep height and width: features (N, C_in, h, w) to (N, C, h, w)."""
    is_left_to_library = features.device.type != "cpu" or torch.is_autocast_enabled("cpu")
    if is_left_to_library or not torch.is_grad_enabled() or not _are_plain(convolutions):
        return _summed(features, convolutions)
    weights, biases = zip(*((convolution.weight, convolution.bias) for convolution in convolutions), strict=True)
    logits: Tensor = _DilatedSum.apply(convolutions, features, *weights, *biases)
    return logits


def _are_plain(convolutions: Sequence[nn.Conv2d]) -> bool:
    """Whether nothing is hung on them: hooks, or weights that are computed."""
    hooks = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
    return all(type(c) is nn.Conv2d and not any(getattr(c, name) for name in hooks) for c in convolutions)


def _summed(features: Tensor, convolutions: Sequence[nn.Conv2d]) -> Tensor:
    first, *parallel = convolutions
    logits: Tensor = first(features)
    for convolution in parallel:
        logits = logits + convolution(features)
    return logits


class _DilatedSum(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, convolutions: Sequence[nn.Conv2d], features: Tensor, *parameters: Tensor) -> Tensor:
        ctx.convolutions = convolutions
        ctx.save_for_backward(features, *parameters[: len(convolutions)])
        return _summed(features, convolutions)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        """With T = Σ C·kernel, one row for each tap: every tap of a pixel gives its gradient to an input pixel.

        The tap that reads the input at an offset has the gradient at the opposite offset; so weights are flipped.
        """
        features, *weights = ctx.saved_tensors
        count, channels, height, width = features.shape
        positions = count * height * width
        unfolded = [
            fn.unfold(gradient, c.kernel_size, c.dilation, c.padding) for c in ctx.convolutions
        ]  # (N, C·kernel, h·w)
        sizes = [part.shape[1] for part in unfolded]
        taps = torch.cat(unfolded, 1).transpose(1, 2).reshape(positions, sum(sizes))  # (N·h·w, T)
        of_features, of_weights = None, [None] * len(weights)
        with torch.autocast("cpu", enabled=False):
            if ctx.needs_input_grad[1]:
                matrix = torch.cat([w.flip(2, 3).permute(0, 2, 3, 1).reshape(-1, channels) for w in weights])
                of_features = (taps @ matrix).view(count, height, width, channels).permute(0, 3, 1, 2)
            if any(ctx.needs_input_grad[2:]):
                pixels = features.permute(0, 2, 3, 1).reshape(positions, channels)
                of_matrix = (taps.T @ pixels).split(sizes)  # (C·kernel, C_in) each
                of_weights = [
                    part.view(w.shape[0], *w.shape[2:], channels).permute(0, 3, 1, 2).flip(2, 3)
                    for part, w in zip(of_matrix, weights, strict=True)
                ]
        of_bias = gradient.sum((0, 2, 3))
        return None, of_features, *of_weights, *(of_bias for _ in weights)
