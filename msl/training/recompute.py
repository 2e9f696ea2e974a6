"""Activation checkpointing: less memory for a third more arithmetic, with the same bits.

A block of the backbone keeps its input only, and the backward pass computes the rest of it once more (Chen et al.,
Training Deep Nets with Sublinear Memory Cost, arXiv:1604.06174).
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from functools import partial
from typing import Any

import torch
from torch import nn
from torch.utils.checkpoint import checkpoint
from torchvision.models.mobilenetv2 import InvertedResidual
from torchvision.models.resnet import BasicBlock, Bottleneck

from msl.errors import ConfigError
from msl.models.batch_norm import BatchNorm

# Blocks of these draw no random numbers, so that none have to be drawn again; a CUDA graph could not do that.
_WITHOUT_CHANCE = (Bottleneck, BasicBlock, InvertedResidual, nn.Sequential, nn.Conv2d, BatchNorm, nn.ReLU, nn.ReLU6)


def repeated_blocks(network: nn.Module) -> list[nn.Module]:
    """What a network repeats, such as its residual blocks: the innermost parts with parts of their own in sequences.

    Raises:
        ConfigError: it has none.
    """
    parts = [part for module in network.modules() if isinstance(module, nn.Sequential) for part in module]
    blocks = {part: None for part in parts if not isinstance(part, nn.Sequential) and any(part.children())}
    innermost = [block for block in blocks if not any(part in blocks for part in block.modules() if part is not block)]
    if not innermost:
        raise ConfigError(
            "recompute = true: the network has no blocks whose parts could be computed again. They are looked for in "
            "its nn.Sequential: modules that have parts. Pass recompute=false."
        )
    return innermost


class Recompute:
    """Forward passes in which a network's blocks keep their inputs only."""

    def __init__(self, network: nn.Module) -> None:
        """Find its blocks.

        Raises:
            ConfigError: it has none.
        """
        self.blocks = repeated_blocks(network)

    @contextmanager
    def __call__(self) -> Iterator[None]:
        """Forward passes begun herein keep less; their backward passes may follow later."""
        with ExitStack() as stack:
            for block in self.blocks:
                stack.enter_context(_replaced_forward(block))
            yield


@contextmanager
def _replaced_forward(block: nn.Module) -> Iterator[None]:
    own = vars(block).pop("forward", None)  # of this object alone
    forward = own or block.forward
    vars(block)["forward"] = partial(_keep_inputs, block, forward)
    try:
        yield
    finally:
        del vars(block)["forward"]
        if own is not None:
            vars(block)["forward"] = own


def _keep_inputs(block: nn.Module, forward: Callable[..., Any], *inputs: Any, **named: Any) -> Any:
    if not torch.is_grad_enabled():
        return forward(*inputs, **named)

    def contexts() -> tuple[AbstractContextManager[None], AbstractContextManager[None]]:
        return nullcontext(), _once_more(block)

    draws = not all(isinstance(part, _WITHOUT_CHANCE) for part in block.modules())
    return checkpoint(forward, *inputs, use_reentrant=False, context_fn=contexts, preserve_rng_state=draws, **named)


@contextmanager
def _once_more(block: nn.Module) -> Iterator[None]:
    """The second forward pass of a block leaves BatchNorm's statistics as they are."""
    buffers = [(part, name, value) for part in block.modules() for name, value in part._buffers.items()]
    for part, name, value in buffers:
        part._buffers[name] = None if value is None else value.clone()
    try:
        yield
    finally:
        for part, name, value in buffers:
            part._buffers[name] = value
