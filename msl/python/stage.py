"""A stage as a function: the settings of the command line by the same names, the outcome as a value."""

import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from msl.config import EvaluateConfig, PackageConfig, PredictConfig, RequestConfig, ValidateConfig
from msl.config.catalog import STAGES
from msl.config.registry import unknown_name
from msl.errors import ConfigError
from msl.inputs.early import check_request
from msl.inputs.fitting import examined_data, find_request
from msl.runs import run as carry_out
from msl.serving import package, predict
from msl.stages.evaluate import evaluate
from msl.stages.stage import Outcome
from msl.stages.validate import validate

log = logging.getLogger("msl")

_Settings = Mapping[str, Any]


def run(
    stage: str, *, recipe: str | None = None, group: str | None = None, resume: str | None = None, **settings: Any
) -> Outcome:
    """Run a stage, recorded on the tracking server that MLFLOW_TRACKING_URI names.

    Args:
        stage: as it is typed: adapt, pretrain, evaluate, …
        recipe: named set of defaults; None = that of the command line.
        group: name of the runs that differ by seed only; None = made from the settings.
        resume: ID of a run to continue.
        settings: those of the command line, by the same names. A value is a number, a text as it is typed, a tuple,
            True, False, or None.

    Returns:
        The run's ID, its last scores by name, and the reference of its result.

    Raises:
        MslError: as on the command line, with the same message.
    """
    values = {name: str(value) if isinstance(value, Path) else value for name, value in settings.items()}
    if stage in _USES:
        refused = {"resume": resume, "recipe": None if stage == "validate" else recipe}
        refused["group"] = None if stage in ("evaluate", "validate") else group
        for name in (name for name, value in refused.items() if value is not None):
            raise ConfigError(f"{name} = {refused[name]}: stage {stage} has no such setting; leave it out")
        return _USES[stage](values, recipe or RequestConfig().recipe, group)
    if stage == "deeplabv3p":
        stage, values = "adapt" if "checkpoint" in values else "pretrain", values | {"network": "deeplabv3plus"}
    if stage not in STAGES:
        raise ConfigError(f"stage = {stage!r}: {unknown_name(stage, [*STAGES, 'deeplabv3p', *_USES])}")
    request = find_request(
        stage=stage, recipe=recipe or RequestConfig().recipe, overrides=values, group=group, resume=resume
    )
    if resume is None:
        check_request(request)
    return carry_out(request)


def _evaluate(values: _Settings, recipe: str, group: str | None) -> Outcome:
    return evaluate(EvaluateConfig.of(**values).located(), group)


def _predict(values: _Settings, recipe: str, group: str | None) -> Outcome:
    config = PredictConfig.of(**values).located()
    return Outcome(predict(config), result=str(config.predicted.output))


def _package(values: _Settings, recipe: str, group: str | None) -> Outcome:
    packaged = package(PackageConfig.of(**values).located())
    return Outcome(packaged.run_id, result=packaged.uri)


def _validate(values: _Settings, recipe: str, group: str | None) -> Outcome:
    defaults = examined_data(recipe, values)
    return validate(ValidateConfig.of(**{**defaults, **values}).located(), group, log.info)


_USES: Mapping[str, Callable[[_Settings, str, str | None], Outcome]] = {
    "evaluate": _evaluate,
    "predict": _predict,
    "package": _package,
    "validate": _validate,
}
