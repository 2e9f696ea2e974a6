"""Losses in float16, which has no room for small gradients."""

from typing import Any

import torch
from torch import Tensor

from msl.training.optimizers import clip_gradients


class Scaling:
    """Multiplies the loss before the backward pass and divides the gradients again before the optimizer's step.

    A step whose gradients overflow is left out, and the factor becomes smaller (Micikevicius et al., *Mixed precision
    training*, ICLR 2018, arXiv:1710.03740). Only float16 needs it: for other precisions nothing is multiplied.
    """

    def __init__(self, device: torch.device | None = None, precision: torch.dtype = torch.float32) -> None:
        kind = "cpu" if device is None else device.type
        self._scaler = torch.amp.GradScaler(kind, enabled=precision == torch.float16)

    def backward(self, loss: Tensor) -> None:
        """The backward pass of a loss."""
        self._scaler.scale(loss).backward()

    def step(self, optimizer: torch.optim.Optimizer, clip_norm: float | None = None) -> None:
        """A step of an optimizer, whose gradients are clipped before; several may have one, each once."""
        if clip_norm is not None:
            self._scaler.unscale_(optimizer)
            clip_gradients(optimizer, clip_norm)
        self._scaler.step(optimizer)

    def update(self) -> None:
        """After the steps of all optimizers: choose the next factor."""
        self._scaler.update()

    def state_dict(self) -> dict[str, Any]:
        """What a resumed training needs; empty if nothing is multiplied."""
        return self._scaler.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore it; the file of a training in another precision has none."""
        if self._scaler.is_enabled() and state:
            self._scaler.load_state_dict(state)
