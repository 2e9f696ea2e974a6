"""Activation checkpointing: less memory for more time, with the same bits.

A block of the backbone keeps its input only, and the backward pass computes the rest of it once more (Chen et al.,
Training Deep Nets with Sublinear Memory Cost, arXiv:1604.06174).
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from msl.models.blocks import may_draw, repeated_blocks


class Recompute:
    """Forward passes in which a backbone's blocks keep their inputs only."""

    def __init__(self, network: nn.Module) -> None:
        """Find its blocks.

        Raises:
            ConfigError: it has none.
        """
        self._blocks = repeated_blocks(network)

    @contextmanager
    def __call__(self) -> Iterator[None]:
        """Forward passes herein keep less; their backward passes may follow later."""
        with ExitStack() as stack:
            for block in self._blocks:
                stack.enter_context(_replaced_forward(block))
            yield


@contextmanager
def _replaced_forward(block: nn.Module) -> Iterator[None]:
    of_instance = vars(block).get("forward")  # a class has one in any case
    vars(block)["forward"] = partial(_keep_inputs, block, block.forward)
    try:
        yield
    finally:
        del vars(block)["forward"]
        if of_instance is not None:
            vars(block)["forward"] = of_instance


def _keep_inputs(block: nn.Module, forward: Callable[..., Any], *inputs: Any, **named: Any) -> Any:
    if not torch.is_grad_enabled():
        return forward(*inputs, **named)
    buffers = [(part, name, _copy(value)) for part in block.modules() for name, value in part._buffers.items()]

    def contexts() -> tuple[AbstractContextManager[None], AbstractContextManager[None]]:
        return nullcontext(), _replaced_buffers(buffers)

    # The state of random numbers is not read where none are drawn: a CUDA graph might not record that.
    return checkpoint(
        forward, *inputs, use_reentrant=False, context_fn=contexts, preserve_rng_state=may_draw(block), **named
    )


@contextmanager
def _replaced_buffers(buffers: Sequence[tuple[nn.Module, str, Tensor | None]]) -> Iterator[None]:
    """A second forward pass begins with the buffers of the first, and leaves BatchNorm's statistics as they are."""
    now = [(part, name, part._buffers[name]) for part, name, _ in buffers]
    for part, name, value in buffers:
        part._buffers[name] = _copy(value)
    try:
        yield
    finally:
        for part, name, value in now:
            part._buffers[name] = value


def _copy(buffer: Tensor | None) -> Tensor | None:
    return None if buffer is None else buffer.clone()
