"""The state of an optimizer, put back only if it is that of the same parameters in the same groups."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from msl.errors import CheckpointError

_OF_THE_DEVICE = ("fused",)  # options of a group
_MOMENTA = ("momentum_buffer", "exp_avg")  # names of torch.optim's SGD and of its kinds of Adam


def restore_optimizer(optimizer: torch.optim.Optimizer, saved: Mapping[str, Any]) -> None:
    """Load a saved state.

    Code of another version may divide the parameters into other groups. Momenta would then belong to other parameters.

    Raises:
        CheckpointError: groups or shapes differ; the optimizer is unchanged.
    """
    saved_sizes = [len(group["params"]) for group in saved["param_groups"]]
    sizes = [len(group["params"]) for group in optimizer.param_groups]
    if saved_sizes != sizes or not _shapes_agree(optimizer, saved):
        raise CheckpointError(
            "the checkpoint's optimizer cannot continue: it was written by other code, which divided the parameters "
            f"into groups of {_listed(saved_sizes)}, and this code makes groups of {_listed(sizes)}. Restore the code "
            "of the run (its tag msl.code.commit), or start a new run with -P checkpoint=runs:/ID/checkpoints/last.pt."
        )
    # Whether a step is one kernel is for the device of now, which may be another than before.
    pairs = zip(saved["param_groups"], optimizer.param_groups, strict=True)
    groups = [{**old, **{name: new[name] for name in _OF_THE_DEVICE if name in new}} for old, new in pairs]
    optimizer.load_state_dict({**saved, "param_groups": groups})
    _arrange(optimizer)


def _arrange(optimizer: torch.optim.Optimizer) -> None:
    """Give momenta the arrangement of their weights: another device may have another, and fused kernels need one."""
    for parameter, values in optimizer.state.items():
        for name, value in values.items():
            if isinstance(value, Tensor) and value.shape == parameter.shape and value.stride() != parameter.stride():
                values[name] = torch.empty_like(parameter, dtype=value.dtype).copy_(value)


def _shapes_agree(optimizer: torch.optim.Optimizer, saved: Mapping[str, Any]) -> bool:
    """Whether each momentum has the shape of its parameter. Other states may have shapes of their own."""
    numbers = [number for group in saved["param_groups"] for number in group["params"]]
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    return all(
        value.shape == parameter.shape
        for number, parameter in zip(numbers, parameters, strict=True)
        for name, value in saved["state"].get(number, {}).items()
        if name in _MOMENTA and isinstance(value, Tensor)
    )


def _listed(sizes: list[int]) -> str:
    return ", ".join(map(str, sizes))
