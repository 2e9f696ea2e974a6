"""The precision in which a machine computes a network: what was asked for, or what it can do."""

import logging
import time
from functools import cache
from pathlib import Path

import torch
from torch import Tensor, nn

from msl.config import DeviceConfig
from msl.models.devices import prepare, to_device

log = logging.getLogger("msl")

PRECISIONS = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
_LEAST_GAIN = 1.1  # as many times as fast bfloat16 must be on a CPU
_CPU_FLAGS = {"avx512_bf16", "amx_bf16"}  # of processors that multiply bfloat16 themselves
_CPU_FACTS = Path("/proc/cpuinfo")
_BFLOAT16, _FLOAT16 = (8, 0), (7, 0)  # the oldest GPUs with units for them: Ampere and Volta, by compute capability


def chosen_precision(name: str, config: DeviceConfig) -> str:
    """The precision with a name, for the record of a run: ``auto`` and what the device lacks are replaced, and logged.

    Raises:
        ConfigError: the device cannot be used.
    """
    if name == "float32":
        return name
    device = prepare(config)
    if name == "auto":
        choice, reason = _best(device)
        log.info("precision = auto: %s, because %s", choice, reason)
        return choice
    return _supported(name, device)


def usable_precision(name: str, device: torch.device) -> torch.dtype:
    """The type of a precision that a run records; another one, with a line in the log, if the device lacks it."""
    return PRECISIONS[_supported(name, device)]


def _supported(name: str, device: torch.device) -> str:
    if name != "bfloat16" or device.type != "cuda":
        return name
    capability = torch.cuda.get_device_capability(device)
    if capability >= _BFLOAT16:
        return name
    choice = replacement(capability)
    log.warning(
        "precision = bfloat16: %s (compute capability %d.%d) has no units for it, so training computes in %s",
        torch.cuda.get_device_name(device),
        *capability,
        choice,
    )
    return choice


def replacement(capability: tuple[int, int]) -> str:
    """The precision for a GPU without bfloat16, by its compute capability."""
    return "float16" if capability >= _FLOAT16 else "float32"


def _best(device: torch.device) -> tuple[str, str]:
    """The precision that is fastest on a device, and why."""
    if device.type == "cuda":
        capability = torch.cuda.get_device_capability(device)
        choice = "bfloat16" if capability >= _BFLOAT16 else replacement(capability)
        return choice, f"the GPU has compute capability {capability[0]}.{capability[1]}"
    if device.type != "cpu":
        return "float32", f"bfloat16 was not measured on a device of kind {device.type}"
    return best_on_cpu()


@cache
def best_on_cpu(facts: Path = _CPU_FACTS) -> tuple[str, str]:
    """bfloat16 where the processor has it and a measurement of a quarter of a second says that it gains; and why."""
    words = set(facts.read_text().split()) if facts.is_file() else set()
    if not words & _CPU_FLAGS:
        return "float32", f"the processor has none of {', '.join(sorted(_CPU_FLAGS))}"
    gain = _measured_gain()
    choice = "bfloat16" if gain >= _LEAST_GAIN else "float32"
    return choice, f"a convolution in bfloat16 is {gain:.2f} times as fast as in float32 on this processor"


def _measured_gain() -> float:
    """Time of a convolution of a ResNet, forward and backward, in float32 against bfloat16."""
    with torch.random.fork_rng(devices=[]):
        layer = nn.Conv2d(128, 128, 3, padding=2, dilation=2)
        image = torch.randn(1, 128, 40, 80)
    fastest = {torch.float32: float("inf"), torch.bfloat16: float("inf")}
    for _ in range(4):
        for precision, seconds in fastest.items():
            fastest[precision] = min(seconds, _pass_s(to_device(layer, image.device, precision), image, precision))
    return fastest[torch.float32] / fastest[torch.bfloat16]


def _pass_s(layer: nn.Module, image: Tensor, precision: torch.dtype) -> float:
    start = time.perf_counter()
    with torch.autocast("cpu", precision, enabled=precision != torch.float32):
        loss = layer(image).float().sum()
    loss.backward()
    return time.perf_counter() - start
