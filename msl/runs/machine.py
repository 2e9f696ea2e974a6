"""Settings that are those of this machine and of its processes, whatever a run has recorded."""

from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from typing import Any

from msl.config import StageConfig
from msl.recipes import Request
from msl.world import world

_NPROC = "nproc"


def on_this_machine(config: StageConfig, typed: Collection[str] = ()) -> StageConfig:
    """The settings with the number of processes that there are; other ones have other numbers of threads.

    And with MSL_DATA of this machine, if it lacks the run's folder of data sets. Settings that are typed stay.
    """
    folder, processes = config.flat().get("data_root"), _processes(config)
    is_missing = folder is None or not Path(folder).is_dir()
    located = config.edit(data_root=None).located() if is_missing and "data_root" not in typed else config
    has_other_processes = any(config.flat()[name] != count for name, count in processes.items())
    return located.edit(**processes, **({"threads": None} if has_other_processes and "threads" not in typed else {}))


def with_processes(request: Request) -> Request:
    """The request with the number of processes that there are, also for the stages that it needs.

    Raises:
        ConfigError: a batch has fewer images.
    """
    processes = _processes(request.settings)
    if all(request.settings.flat()[name] == value for name, value in processes.items()):
        return request
    settings = request.settings.edit(**processes)
    return replace(request, settings=settings, overrides={**request.overrides, **processes})


def _processes(config: StageConfig) -> dict[str, Any]:
    return {_NPROC: world().size} if _NPROC in config.options() else {}
