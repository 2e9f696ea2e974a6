"""The machine that a network runs on."""

from typing import TypeVar

import torch
from torch import nn

from msl.config import DeviceConfig, StageConfig
from msl.errors import ConfigError
from msl.numerics.determinism import let_cublas_repeat

M = TypeVar("M", bound=nn.Module)


def prepare(config: DeviceConfig) -> torch.device:
    """Set the number of CPU threads; returns the device of the settings.

    Raises:
        ConfigError: this machine has no such device.
    """
    let_cublas_repeat()
    if config.threads is not None:
        torch.set_num_threads(config.threads)
    name = config.device
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:  # torch asserts that it was compiled for the device
        reason = str(error).splitlines()[0].rstrip(".")
        raise ConfigError(
            f"device = {name} cannot be used here: {reason}. Pass auto, cpu or another device."
        ) from error
    return device


def check_device(config: StageConfig) -> None:
    """Check that this machine has the device of a stage's settings; raises as `prepare` does."""
    for _, group in config:
        if isinstance(group, DeviceConfig):
            prepare(group)


def to_device(model: M, device: torch.device) -> M:
    """Move the network to a device, channels last: so dilated MobileNets run twice as fast on a CPU."""
    model.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's stubs lack this form
    return model
