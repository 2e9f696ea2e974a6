"""Sums over the processes that train one network together. In a training of one process, nothing happens.

The loss of the global batch is the mean of the processes' losses. So a loss that is a mean divides by the mean number
of pixels, or of images, in a process: then a process with more of them counts more. Where all have as many, that is a
plain mean. Every process must call the same functions in the same order.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import torch
from torch import Tensor
from torch import distributed as dist

from msl.errors import LostProcessError

T = TypeVar("T")


class InterruptionError(Exception):
    """Raised by a block of work that shall end early, in every process: no error."""


def are_several() -> bool:
    """Whether other processes train with this one now."""
    return dist.is_available() and dist.is_initialized() and dist.get_world_size() > 1


def rank() -> int:
    """Number of this process, from 0."""
    return dist.get_rank() if are_several() else 0


def total(value: Tensor) -> Tensor:
    """Sum over the processes of a tensor of one shape; it carries no gradient to the other processes."""
    return stacked(value).sum(dim=0) if are_several() else value


def stacked(value: Tensor) -> Tensor:
    """A small tensor of one shape in each process, as (processes, …); it carries no gradient.

    Among processes of one machine, its transport takes half the time of a sum's: what counts is the number of messages.
    """
    every = value.new_empty(dist.get_world_size(), *value.shape)
    dist.all_gather_into_tensor(every.view(-1), value.detach().flatten())
    return every


def mean_count(number: Tensor | int, like: Tensor) -> Tensor | int:
    """Mean of a count over the processes; in one process the count itself. It is never 0: something is divided by it.

    Args:
        number: of pixels or images in this process.
        like: a tensor on the device.
    """
    if not are_several():
        return number.clamp(min=1) if isinstance(number, Tensor) else number
    count = torch.as_tensor(number, dtype=torch.float64, device=like.device)
    return total(count).clamp(min=1) / dist.get_world_size()


def mean(value: Tensor) -> Tensor:
    """Mean over all elements, a scalar; the mean of the processes' results is that over the elements of all."""
    return value.mean() if not are_several() else value.sum() / mean_count(value.numel(), value)


def mean_of_all(value: Tensor) -> Tensor:
    """Mean over all elements in all processes, a scalar, the same in each of them; it carries no gradient there."""
    return value.mean() if not are_several() else total(mean(value)) / dist.get_world_size()


def weighed_mean(value: Tensor, images: int) -> Tensor:
    """A mean over images, such that the mean of the processes' results is that over the images of all.

    Args:
        value: the mean over this process's images, a scalar.
        images: their number.
    """
    return value if not are_several() else value * images / mean_count(images, value)


def largest(number: int) -> int:
    """The largest of the processes' numbers."""
    if not are_several():
        return number
    value = torch.tensor(number)
    dist.all_reduce(value, op=dist.ReduceOp.MAX)
    return int(value)


def add_up(tensors: Sequence[Tensor]) -> None:
    """Replace each tensor by its sum over the processes."""
    if are_several():
        for tensor in tensors:
            dist.all_reduce(tensor)


def as_in_first(tensors: Iterable[Tensor]) -> None:
    """Replace each tensor by that of the first process."""
    if are_several():
        for tensor in tensors:
            dist.broadcast(tensor, 0)


def gathered(value: T) -> list[T]:
    """The values of all processes, in their order."""
    if not are_several():
        return [value]
    values: list[Any] = [None] * dist.get_world_size()
    dist.all_gather_object(values, value)
    return values


def part(count: int) -> range:
    """The indexes of this process among `count`, each in one process."""
    return range(rank(), count, dist.get_world_size()) if are_several() else range(count)


@contextmanager
def together() -> Iterator[None]:
    """If this block ends with an error in one process, it does so in every process: none waits for the sums after it.

    Raises:
        InterruptionError: the block of another process raised it.
        LostProcessError: the block of another process ended with another error.
    """
    try:
        yield
    except Exception as error:
        largest(1 if isinstance(error, InterruptionError) else 2)
        raise
    worst = largest(0)
    if worst == 1:
        raise InterruptionError
    if worst:
        raise LostProcessError("another process of this training has ended with an error")
