"""The scales of the studies that msl brings along."""

from collections.abc import Iterable
from typing import Any

from msl.config.registry import unknown_name
from msl.errors import ConfigError
from msl.studies.camvid import CAMVID, CAMVID_GPU
from msl.studies.declaration import Row, Study
from msl.studies.miniature import miniature
from msl.studies.scale import Scale
from msl.tracking import work_folder

FULL, SMOKE = "full", "smoke"
_CAMVID = {scale.name: scale for scale in (CAMVID, CAMVID_GPU)}
_GPU = {"cards": 1, "memory_gb": 16}


def find_scale(name: str) -> Scale | None:
    """A scale by its name; None for the recipes as they are.

    Raises:
        ConfigError: no scale has that name.
    """
    if name == FULL:
        return None
    if name == SMOKE:
        return miniature(work_folder() / "studies" / "report_smoke_data")
    if name not in _CAMVID:
        raise ConfigError(f"scale = {name!r} is {unknown_name(name, [FULL, *_CAMVID, SMOKE])}")
    return _CAMVID[name]


def study_at(scale: str, name: str, rows: Iterable[Row], baseline: str, **shared: Any) -> Study:
    """A study of the paper's recipes at a scale.

    Args:
        scale: full, camvid_gpu, camvid or smoke.
        name: of the study; the scale is added to it.
        rows: of recipes paper/NAME.
        baseline: the group that the report compares with, also with paper/NAME.
        shared: more values of the study.
    """
    small = find_scale(scale)
    needs = _GPU if small is None else small.needs
    rows = tuple(row.model_copy(update=needs) for row in rows)
    if small is None:
        return Study(name=name, rows=rows, baseline=baseline, **shared)
    return Study(
        name=f"{name}_{scale}",
        rows=rows,
        baseline=baseline.replace("paper/", f"{small.name}/"),
        scaled=small.of,
        **shared,
    )
