"""The machine that a network runs on."""

from typing import TypeVar

import torch
from torch import nn

from msl.config import DeviceConfig, StageConfig
from msl.errors import ConfigError
from msl.models.threads import enter, free_threads
from msl.numerics.determinism import let_cublas_repeat
from msl.world import world

M = TypeVar("M", bound=nn.Module)


def prepare(config: DeviceConfig) -> torch.device:
    """Set the number of CPU threads; gives the device of the settings.

    Raises:
        ConfigError: this machine has no such device.
    """
    let_cublas_repeat()
    name = config.device
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if name == "cuda" and world().is_several:
        name = f"cuda:{world().local_rank}"
        torch.cuda.set_device(name)
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:  # torch asserts that it was compiled for the device
        reason = str(error).splitlines()[0].rstrip(".")
        raise ConfigError(
            f"device = {name} cannot be used here: {reason}. Pass auto, cpu or another device."
        ) from error
    threads = thread_count(config, device)
    if threads is not None:
        torch.set_num_threads(threads)
    return device


def thread_count(config: DeviceConfig, device: torch.device) -> int | None:
    """CPU threads of the network: those of the settings, or on a CPU the share that is free; None = torch's choice."""
    if config.threads is not None or device.type != "cpu":
        return config.threads
    return torch.get_num_threads() if world().is_several else free_threads()  # torchrun has divided the cores


def machine_values(config: DeviceConfig) -> dict[str, int | None]:
    """The settings that the machine decides, for the record: with another number of threads, sums round differently.

    Raises:
        ConfigError: this machine has no such device.
    """
    device = prepare(config)
    if device.type == "cpu":
        enter()
    return {"threads": thread_count(config, device)}


def check_device(config: StageConfig) -> None:
    """Check that this machine has the device of a stage's settings; raises as `prepare` does."""
    for _, group in config:
        if isinstance(group, DeviceConfig):
            prepare(group)


def to_device(model: M, device: torch.device, precision: torch.dtype = torch.float32) -> M:
    """Move the network to a device, in the arrangement that is fastest there.

    Channels come last, but for a network without grouped convolutions in single precision on a CPU. So dilated
    MobileNets are twice as fast there, and ResNets, whose convolutions are not grouped, a tenth faster.
    """
    is_plain = device.type == "cpu" and precision == torch.float32 and not _has_groups(model)
    form = torch.contiguous_format if is_plain else torch.channels_last
    model.to(device, memory_format=form)  # type: ignore[call-overload]  # torch's stubs lack this form
    return model


def _has_groups(model: nn.Module) -> bool:
    return any(isinstance(module, nn.Conv2d) and module.groups > 1 for module in model.modules())
