"""Processes on this machine, started and watched by PyTorch's torchrun as a library."""

import logging
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from uuid import uuid4

from torch.distributed.elastic.multiprocessing import SignalException
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
from torch.distributed.launcher.api import LaunchConfig, elastic_launch

_LOOK_EVERY_S = 0.2
_HERE = "127.0.0.1"


def launch(module: str, arguments: Sequence[str], count: int) -> int | None:
    """Run a module in so many processes until all have ended; none is started again.

    Returns:
        The exit code of the process that ended first with an error, negative for a signal; None if none did.

    Raises:
        SystemExit: a signal has ended this process, and thereby the others.
    """
    config = LaunchConfig(
        min_nodes=1,
        max_nodes=1,
        nproc_per_node=count,
        run_id=uuid4().hex,
        rdzv_backend="c10d",
        rdzv_endpoint=f"{_HERE}:0",
        local_addr=_HERE,
        max_restarts=0,
        monitor_interval=_LOOK_EVERY_S,
    )
    logging.getLogger("torch.distributed").setLevel(logging.CRITICAL)  # the first process says what has happened
    with _environment({"OMP_NUM_THREADS": str(max(1, _cores() // count))}):
        try:
            elastic_launch(config, sys.executable)("-m", module, *arguments)
        except ChildFailedError as error:
            return int(error.get_first_failure()[1].exitcode)
        except SignalException as error:
            raise SystemExit(128 + error.sigval) from None
    return None


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def _environment(defaults: Mapping[str, str]) -> Iterator[None]:
    """Within this block, these variables have values, if they had none."""
    added = {name: value for name, value in defaults.items() if name not in os.environ}
    os.environ |= added
    try:
        yield
    finally:
        for name in added:
            del os.environ[name]
