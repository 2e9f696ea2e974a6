"""The scales of the studies that msl brings along."""

from collections.abc import Iterable
from typing import Any

from msl.studies.camvid import CAMVID
from msl.studies.declaration import Row, Study
from msl.studies.miniature import miniature
from msl.studies.scale import Scale
from msl.tracking import work_folder

FULL, SMOKE = "full", "smoke"
_GPU = {"cards": 1, "memory_gb": 16}


def find_scale(name: str) -> Scale | None:
    """A scale by its name; None for the recipes as they are."""
    if name == FULL:
        return None
    return miniature(work_folder() / "studies" / "report_smoke_data") if name == SMOKE else CAMVID


def study_at(scale: str, name: str, rows: Iterable[Row], baseline: str, **shared: Any) -> Study:
    """A study of the paper's recipes at a scale.

    Args:
        scale: full, camvid or smoke.
        name: of the study; the scale is added to it.
        rows: of recipes paper/NAME.
        baseline: the group that the report compares with, also with paper/NAME.
        shared: more values of the study.
    """
    small = find_scale(scale)
    if small is None:
        return Study(name=name, rows=tuple(row.model_copy(update=_GPU) for row in rows), baseline=baseline, **shared)
    return Study(
        name=f"{name}_{scale}",
        rows=tuple(rows),
        baseline=baseline.replace("paper/", f"{small.name}/"),
        scaled=small.of,
        **shared,
    )
