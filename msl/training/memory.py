"""A model of the memory that a step of training needs, and the batch and size that would fit."""

import copy
import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

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


def step_memory(model: nn.Module, shape: Sequence[int], precision: torch.dtype, copies: int) -> StepMemory:
    """The model of a network's step, from one forward pass without data that counts what the backward pass needs.

    Args:
        model: takes images (N, 3, H, W) and gives logits; it is not changed.
        shape: of a batch of images.
        precision: of the passes.
        copies: of each weight: itself, its gradient, and the optimizer's states.
    """
    weights = sum(parameter.numel() * parameter.element_size() for parameter in model.parameters())
    sketch = copy.deepcopy(model).to("meta")
    saved: dict[int, int] = {}
    of_weights = {parameter.untyped_storage()._cdata for parameter in sketch.parameters()}
    alive: list[Tensor] = []  # a storage that is freed would give its number to another

    def count(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage._cdata not in of_weights:
            alive.append(tensor)
            saved[storage._cdata] = storage.nbytes()
        return tensor

    image = torch.zeros(tuple(shape), dtype=torch.uint8, device="meta")
    with torch.autograd.graph.saved_tensors_hooks(count, lambda tensor: tensor):
        outputs = [logits for logits in sketch(image) if logits is not None]
    losses = _LOGIT_COPIES * sum(4 * logits.numel() for logits in outputs)
    activations = sum(saved.values()) * precision.itemsize / torch.float32.itemsize  # here they are in float32
    return StepMemory(copies * weights, (activations + losses) / (shape[0] * shape[2] * shape[3]))


def what_fits(state: State, precision: torch.dtype) -> str:
    """For a message: what the largest batch of the last step needs, and what would fit; empty if it is not known."""
    if not state.shapes:
        return ""
    shape = max(state.shapes.values(), key=lambda size: size.numel())
    device = device_of(state.model)
    _, total = torch.cuda.mem_get_info(device) if device.type == "cuda" else (0, 0)
    copies = 3 if isinstance(state.optimizer, torch.optim.SGD) else 4
    try:
        model = step_memory(state.model, shape, precision, copies)
    except Exception:  # an error about the memory is there already, and this is advice on it
        return ""
    return advice(model, shape, _USABLE * total)


def advice(model: StepMemory, shape: Sequence[int], available: float) -> str:
    """The sentence of `what_fits`."""
    count, _, height, width = shape
    bytes_needed = model.needed(count, height * width)
    needed = f"By a model of its memory, batch_size={count} at {width}x{height} needs {_gb(bytes_needed)}"
    batch = model.batch_size(available, height * width)
    scale = model.scale(available, count, height * width)
    size = f"crop_size={_multiple(width * scale)},{_multiple(height * scale)}"
    fits = [f"batch_size={batch}"] if 0 < batch < count else []
    fits += [size] if 0 < scale < 1 else []
    return f"{needed}; of {_gb(available)}, {' or '.join(fits)} would fit. " if fits else f"{needed}. "


def _multiple(side: float) -> int:
    return max(_STEP, int(side) // _STEP * _STEP)


def _gb(count: float) -> str:
    return f"{count / 2**30:.1f} GB"
