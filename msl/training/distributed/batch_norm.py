"""BatchNorm over the images of all processes: torch.nn.SyncBatchNorm, which needs a GPU, for every device.

Ioffe and Szegedy, *Batch Normalization*, ICML 2015, algorithm 1, with the statistics of the global batch. Partial
means and deviations are put together as in Chan, Golub and LeVeque, *Algorithms for computing the sample variance*,
The American Statistician 37, 1983, equation 2.1b: no digits are lost.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from msl.errors import ConfigError
from msl.models.batch_norm import batch_norms
from msl.numerics import ranks
from msl.numerics.precision import at_least_single


class SyncedBatchNorm(nn.modules.batchnorm._BatchNorm):
    """A BatchNorm whose statistics, in training, are those of the images of all processes."""

    def forward(self, input: Tensor) -> Tensor:
        """(N, C, …) to the same shape."""
        if not (self.training and ranks.are_several()):
            return super().forward(input)
        mean, variance, count = _statistics(input)
        if self.track_running_stats:
            self._remember(mean, variance * count / (count - 1))
        output: Tensor = _Normalise.apply(input, mean, (variance + self.eps).rsqrt(), count, self.weight, self.bias)
        return output

    def _check_input_dim(self, input: Tensor) -> None:
        """Any number of dimensions."""

    def _remember(self, mean: Tensor, variance: Tensor) -> None:
        """Update the running statistics as nn.BatchNorm2d does."""
        assert self.running_mean is not None
        assert self.running_var is not None
        assert self.num_batches_tracked is not None
        self.num_batches_tracked.add_(1)
        share = self.momentum if self.momentum is not None else 1 / float(self.num_batches_tracked)
        self.running_mean.lerp_(mean.to(self.running_mean.dtype), share)
        self.running_var.lerp_(variance.to(self.running_var.dtype), share)


def sync_batch_norms(model: nn.Module) -> None:
    """Let every BatchNorm of a network normalise over all processes; parameters and their names stay.

    Raises:
        ConfigError: a BatchNorm is of a kind that does more than normalise.
    """
    for module in batch_norms(model):
        if type(module) not in (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, SyncedBatchNorm):
            raise ConfigError(
                f"sync_bn = True: the network has a {type(module).__name__}, whose statistics cannot be shared by "
                "several processes. Pass sync_bn=false, freeze_bn=true or nproc=1."
            )
        module.__class__ = SyncedBatchNorm


def _statistics(input: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Mean (C,), biased variance (C,) and number of values a channel, over all processes."""
    axes = _axes(input)
    variance, mean = torch.var_mean(at_least_single(input), dim=axes, correction=0)
    local = torch.cat([mean, variance, mean.new_full((1,), input.numel() / input.shape[1])])
    gathered = ranks.stacked(local)  # (processes, 2·C + 1)
    channels = input.shape[1]
    means, variances, counts = gathered[:, :channels], gathered[:, channels:-1], gathered[:, -1:]
    count = counts.sum()
    mean = (means * counts).sum(dim=0) / count
    variance = ((variances + (means - mean).square()) * counts).sum(dim=0) / count
    return mean, variance, count


class _Normalise(Function):
    """(x - mean) · scale · weight + bias, where mean and scale = 1 / √(variance + eps) depend on x everywhere."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, mean: Tensor, scale: Tensor, count: Tensor, weight: Tensor | None, bias: Tensor | None
    ) -> Tensor:
        ctx.save_for_backward(x, mean, scale, count, weight)
        ctx.has_bias = bias is not None
        factor = scale if weight is None else scale * weight
        offset = -mean * factor if bias is None else bias - mean * factor
        return torch.addcmul(_broadcast(offset, x), x, _broadcast(factor, x)).to(x.dtype)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        x, mean, scale, count, weight = ctx.saved_tensors
        axes = _axes(x)
        single = at_least_single(grad)
        normalised = (x - _broadcast(mean, x)) * _broadcast(scale, x)
        grad_bias = single.sum(dim=axes)  # (C,), of this process
        grad_weight = (single * normalised).sum(dim=axes)
        sums = ranks.total(torch.stack([grad_bias, grad_weight])) / count  # (2, C), of all processes
        factor = scale if weight is None else scale * weight
        inner = single - _broadcast(sums[0], x) - normalised * _broadcast(sums[1], x)
        grad_x = (inner * _broadcast(factor, x)).to(x.dtype)
        grads = (grad_weight if weight is not None else None, grad_bias if ctx.has_bias else None)
        return grad_x, None, None, None, *grads


def _axes(x: Tensor) -> list[int]:
    """All dimensions but that of the channels."""
    return [0, *range(2, x.ndim)]


def _broadcast(value: Tensor, like: Tensor) -> Tensor:
    return value.view(-1, *[1] * (like.ndim - 2))
