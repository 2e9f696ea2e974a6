"""A model of the memory that a step of training needs, and the batch and size that would fit."""

import copy
import math
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from msl.errors import ConfigError
from msl.models.blocks import repeated_blocks
from msl.training.devices import device_of
from msl.training.loop import State

_USABLE = 0.9  # of the GPU's memory: libraries need some, and freed blocks do not always fit
_LOGIT_COPIES = 3  # of the logits at full size: their softmax, the loss's gradient, the one that goes back
_STEP = 8  # a size is a multiple of it


@dataclass(frozen=True)
class StepMemory:
    """Bytes of a step: those of the weights, and those of each pixel of a batch."""

    fixed: float  # weights, gradients, momenta
    per_pixel: float  # activations for the backward pass, and losses

    def needed(self, batch_size: int, pixels: int) -> float:
        """Bytes for a batch of images with so many pixels each."""
        return self.fixed + self.per_pixel * batch_size * pixels

    def batch_size(self, available: float, pixels: int) -> int:
        """The largest batch that fits; 0 if no image does."""
        return max(0, int((available - self.fixed) / (self.per_pixel * pixels)))

    def scale(self, available: float, batch_size: int, pixels: int) -> float:
        """The factor for both sides of an image with which the batch fits, at most 1."""
        return math.sqrt(max(0.0, min(1.0, (available - self.fixed) / (self.per_pixel * batch_size * pixels))))


def step_memory(
    model: nn.Module, shape: Sequence[int], precision: torch.dtype, copies: int, recompute: bool = False
) -> StepMemory:
    """The model of a network's step, from one forward pass without data that counts what the backward pass needs.

    Args:
        model: takes images (N, 3, H, W) and gives logits; it is not changed.
        shape: of a batch of images.
        precision: of the passes.
        copies: of each weight: itself, its gradient, and the optimizer's states.
        recompute: whether blocks keep their inputs only.
    """
    weights = sum(parameter.numel() * parameter.element_size() for parameter in model.parameters())
    sketch = copy.deepcopy(model).to("meta")
    saved = _SavedBytes(sketch)
    for block in repeated_blocks(sketch) if recompute else []:
        block.register_forward_pre_hook(saved.enter)
        block.register_forward_hook(saved.leave)
    image = torch.zeros(tuple(shape), dtype=torch.uint8, device="meta")
    with torch.autograd.graph.saved_tensors_hooks(saved.count, lambda tensor: tensor):
        outputs = [logits for logits in sketch(image) if logits is not None]
    losses = _LOGIT_COPIES * sum(4 * logits.numel() for logits in outputs)
    activations = saved.total() * precision.itemsize / torch.float32.itemsize  # here they are in float32
    return StepMemory(copies * weights, (activations + losses) / (shape[0] * shape[2] * shape[3]))


class _SavedBytes:
    """The bytes that a forward pass keeps for the backward pass; what blocks keep goes away with them."""

    def __init__(self, model: nn.Module) -> None:
        self._of_weights = {parameter.untyped_storage()._cdata for parameter in model.parameters()}
        self._outside: dict[int, int] = {}  # storages by their numbers
        self._block: dict[int, int] | None = None
        self._highest = 0
        self._alive: list[Tensor] = []  # a storage that is freed would give its number to another

    def count(self, tensor: Tensor) -> Tensor:
        """Count what is saved now."""
        storage = tensor.untyped_storage()
        if storage._cdata not in self._of_weights:
            self._alive.append(tensor)
            place = self._outside if self._block is None else self._block
            place[storage._cdata] = storage.nbytes()
        return tensor

    def enter(self, block: nn.Module, inputs: tuple[Any, ...]) -> None:
        """A block begins; its inputs stay."""
        for tensor in inputs:
            self.count(tensor)
        self._block = {}

    def leave(self, *_: object) -> None:
        """It ends. In the backward pass it is whole once more, beside all that was kept before it."""
        block, self._block = self._block or {}, None
        inside = sum(size for number, size in block.items() if number not in self._outside)
        self._highest = max(self._highest, sum(self._outside.values()) + inside)

    def total(self) -> int:
        """The most at one time."""
        return max(self._highest, sum(self._outside.values()))


def what_fits(state: State, precision: torch.dtype, recompute: bool | None = False) -> str:
    """For a message: what the largest batch of the last step needs, and what would fit; empty if it is not known.

    Args:
        state: of the training.
        precision: of the passes.
        recompute: whether blocks are computed once more; None = they are not, and cannot be.
    """
    if not state.shapes:
        return ""
    shape = max(state.shapes.values(), key=lambda size: size.numel())
    device = device_of(state.model)
    _, total = torch.cuda.mem_get_info(device) if device.type == "cuda" else (0, 0)
    copies = 3 if isinstance(state.optimizer, torch.optim.SGD) else 4
    recomputed = None
    try:
        model = step_memory(state.model, shape, precision, copies, bool(recompute))
        with suppress(ConfigError):  # a network without blocks
            if recompute is False:
                recomputed = step_memory(state.model, shape, precision, copies, recompute=True)
    except Exception:  # an error about the memory is there already, and this is advice on it
        return ""
    return advice(model, shape, _USABLE * total, recomputed)


def advice(model: StepMemory, shape: Sequence[int], available: float, recomputed: StepMemory | None = None) -> str:
    """The sentence of `what_fits`; `recomputed` is the model of a step that computes blocks once more."""
    count, _, height, width = shape
    bytes_needed = model.needed(count, height * width)
    needed = f"By a model of its memory, batch_size={count} at {width}x{height} needs {_gb(bytes_needed)}"
    batch = model.batch_size(available, height * width)
    scale = model.scale(available, count, height * width)
    size = f"crop_size={_multiple(width * scale)},{_multiple(height * scale)}"
    fits = ["recompute=true"] if recomputed and recomputed.needed(count, height * width) <= available else []
    fits += [f"batch_size={batch}"] if 0 < batch < count else []
    fits += [size] if 0 < scale < 1 else []
    return f"{needed}; of {_gb(available)}, {' or '.join(fits)} would fit. " if fits else f"{needed}. "


def _multiple(side: float) -> int:
    return max(_STEP, int(side) // _STEP * _STEP)


def _gb(count: float) -> str:
    return f"{count / 2**30:.1f} GB"
