"""The states of all random generators, which a checkpoint holds."""

from collections.abc import Mapping

import torch
from torch import Tensor

_CPU = "cpu"
_TRAINED_ON = "cuda"  # the GPU of the training, whichever number it has; older files name this one only


def random_states(device: torch.device) -> dict[str, Tensor]:
    """The state of every generator by its device, and that of the training's GPU."""
    states = {_CPU: torch.get_rng_state()}
    if torch.cuda.is_available():
        states |= {f"cuda:{number}": torch.cuda.get_rng_state(number) for number in range(torch.cuda.device_count())}
    if device.type == "cuda":
        states[_TRAINED_ON] = torch.cuda.get_rng_state(device)
    if device.type == "mps":
        states["mps"] = torch.mps.get_rng_state()
    return states


def restore_random_states(states: Mapping[str, Tensor], device: torch.device) -> None:
    """Restore what `random_states` gave, on this machine's devices; the training's GPU may have another number now."""
    torch.set_rng_state(states[_CPU])
    for number in range(torch.cuda.device_count() if torch.cuda.is_available() else 0):
        if f"cuda:{number}" in states:
            torch.cuda.set_rng_state(states[f"cuda:{number}"], number)
    if _TRAINED_ON in states and device.type == "cuda":
        torch.cuda.set_rng_state(states[_TRAINED_ON], device)
    if "mps" in states and device.type == "mps":
        torch.mps.set_rng_state(states["mps"])
