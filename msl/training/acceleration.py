"""The way in which the passes of a training are carried out, from the setting `compile`."""

import logging

from msl.numerics import ranks
from msl.training.compiled import CompiledPasses
from msl.training.devices import device_of
from msl.training.graphs import GraphPasses
from msl.training.passes import EagerPasses, Passes
from msl.training.recordings import CudaRecorder

log = logging.getLogger("msl")


def accelerated(eager: EagerPasses, choice: str) -> Passes:
    """The passes as `choice` says: auto, graphs, network or off; where a device lacks one, the log says so."""
    device = device_of(eager.model)
    has_graphs = device.type == "cuda" and not ranks.are_several()
    if choice == "network":
        return CompiledPasses(eager)
    if choice == "graphs" and not has_graphs:
        where = "several processes have" if ranks.are_several() else f"device {device} has"
        log.warning("compile = graphs: %s no CUDA graphs, so operations are launched one by one", where)
    if choice in ("auto", "graphs") and has_graphs:
        return GraphPasses(eager, CudaRecorder(device))
    return eager
