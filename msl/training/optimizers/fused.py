"""Whether the step of an optimizer is one kernel for all weights."""

from collections.abc import Iterable

from torch import nn


def fused(parameters: Iterable[nn.Parameter]) -> bool | None:
    """True for weights on a GPU; None, torch's own choice, elsewhere, so that the bits on a CPU stay.

    With it, torch's scaling of losses does not wait for the GPU either.
    """
    return True if next(iter(parameters)).device.type == "cuda" else None
