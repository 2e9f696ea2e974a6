"""The mean of the gradients of all processes, after the terms of a step and before the optimizer."""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn
from torch import distributed as dist

from msl.numerics import ranks

_BUCKET = 2**23  # elements that are sent at a time, 32 MB in single precision


def average(model: nn.Module, parts: dict[str, Tensor]) -> None:
    """Replace gradients and losses by their means over the processes: those of the global batch.

    All processes then take the same step.
    """
    if not ranks.are_several():
        return
    gradients = [parameter.grad for parameter in model.parameters() if parameter.grad is not None]
    sent = [_send(bucket) for bucket in _buckets(gradients)]
    losses = ranks.total(torch.stack(list(parts.values()))) / dist.get_world_size()
    parts |= dict(zip(parts, losses, strict=True))
    for bucket, flat, work in sent:
        work.wait()
        _unpack(flat, bucket)


def _buckets(gradients: Sequence[Tensor]) -> Iterator[list[Tensor]]:
    """Gradients of one type and device, together of about one bucket's size."""
    bucket: list[Tensor] = []
    for gradient in gradients:
        is_other = bool(bucket) and (gradient.dtype, gradient.device) != (bucket[0].dtype, bucket[0].device)
        if is_other or sum(map(Tensor.numel, bucket)) >= _BUCKET:
            yield bucket
            bucket = []
        bucket.append(gradient)
    if bucket:
        yield bucket


def _send(bucket: list[Tensor]) -> tuple[list[Tensor], Tensor, dist.Work]:
    """Begin to add up."""
    flat = torch.cat([gradient.flatten() for gradient in bucket])
    work = dist.all_reduce(flat, async_op=True)
    assert work is not None
    return bucket, flat, work


def _unpack(flat: Tensor, bucket: Sequence[Tensor]) -> None:
    for gradient, value in zip(bucket, flat.split([gradient.numel() for gradient in bucket]), strict=True):
        torch.div(value.view_as(gradient), dist.get_world_size(), out=gradient)
